/**
 * The consensus core: state and event in, effects out. No clock, no I/O, no chance but the seed's; it never waits. This
 * function and its switch are the whole of its interface besides `createRaft`; see DESIGN.md for the contract with the shell.
 */
import { assertNever } from "../base/assert.ts";
import { advance, start, wake } from "./clock.ts";
import { countOwnVote } from "./election.ts";
import type { RaftEffect, RaftEvent } from "./event.ts";
import { finish, standing } from "./finish.ts";
import { propose } from "./proposal.ts";
import type { Raft } from "./raft.ts";
import { read } from "./read-index.ts";
import { receive } from "./receive/receive.ts";
import { advanceCommit } from "./replication.ts";
import { compactLog, snapshotInstalled } from "./snapshot.ts";
import { transferLeadership } from "./transfer.ts";

/** Changes `raft` by one event and says what has to be done, in order. */
export function step(raft: Raft, event: RaftEvent): RaftEffect[] {
  const before = standing(raft);
  advance(raft, event.now);
  switch (event.type) {
    case "start":
      start(raft);
      break;
    case "wake":
      wake(raft);
      break;
    case "receive":
      receive(raft, event.message);
      break;
    case "propose":
      propose(raft, event.proposals);
      break;
    case "read":
      read(raft, event.context);
      break;
    case "persisted":
      raft.persistence.persisted(event.sequence, event.last);
      countOwnVote(raft, event.sequence);
      if (raft.role === "leader") advanceCommit(raft);
      break;
    case "applied":
      if (event.index > raft.applied) raft.applied = event.index;
      break;
    case "compact":
      compactLog(raft, event.keepFrom);
      break;
    case "snapshot-installed":
      snapshotInstalled(raft, event.snapshot);
      break;
    case "snapshot-sent":
      raft.progress.get(event.to)?.snapshotSent(event.index, event.ok);
      break;
    case "unreachable":
      raft.progress.get(event.peer)?.unreachable();
      break;
    case "transfer-leadership":
      transferLeadership(raft, event.to);
      break;
    default:
      assertNever(event);
  }
  return finish(raft, before);
}
