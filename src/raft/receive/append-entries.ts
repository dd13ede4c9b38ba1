import { assert } from "../../base/assert.ts";
import { Index } from "../../base/ids.ts";
import { address, sendAfterPersist, trace } from "../effects.ts";
import { heardLeader } from "../election.ts";
import type { Entry } from "../entry.ts";
import type { AppendEntries } from "../message.ts";
import type { Raft } from "../raft.ts";
import { commitTo, truncateLog } from "../replication.ts";
import { has } from "../snapshot.ts";

/**
 * Raft paper 5.3: takes the entries if the log holds the one before them, replacing what differs; else says where to look.
 * The answer promises durability, so it waits for the disk.
 */
export function receiveAppendEntries(raft: Raft, message: AppendEntries): void {
  assert(raft.role !== "leader", "a term has one leader");
  const { from: leader, previousIndex, previousTerm, entries } = message;
  heardLeader(raft, leader);
  if (previousIndex < raft.commit) {
    // An old message, overtaken: all up to the commit index is equal anyway, and more may not be said without looking.
    sendAfterPersist(raft, has(raft, leader, raft.commit));
  } else if (raft.log.matches({ index: previousIndex, term: previousTerm })) {
    const lastNew = Index(previousIndex + entries.length);
    appendNew(raft, entries);
    commitTo(raft, Index(Math.min(message.commit, lastNew)));
    sendAfterPersist(raft, has(raft, leader, lastNew));
  } else {
    refuse(raft, message);
  }
}

/** Entries that are here already stay: an overtaken message must not cut off what a later one brought. */
function appendNew(raft: Raft, entries: readonly Entry[]): void {
  const firstNew = entries.findIndex((entry) => !raft.log.matches(entry));
  if (firstNew === -1) return;
  const fresh = entries.slice(firstNew);
  const from = fresh[0]!.index;
  if (from <= raft.log.lastIndex) {
    trace(raft, () => `replaces ${from}..${raft.log.lastIndex}`);
    truncateLog(raft, from);
  }
  raft.log.append(fresh);
  raft.configurations.append(fresh);
}

/** The hint: no entry after it can agree with a leader that has `previousTerm` there. */
function refuse(raft: Raft, message: AppendEntries): void {
  const { from: to, previousIndex, previousTerm } = message;
  const hint = raft.log.lastNotAbove(previousIndex, previousTerm);
  trace(raft, () => `no ${previousIndex}@${previousTerm} here -> refuse, hint ${hint.index}@${hint.term}`);
  sendAfterPersist(raft, {
    type: "append-entries-response",
    ...address(raft, to),
    success: false,
    matchIndex: Index(0),
    rejectedIndex: previousIndex,
    hintIndex: hint.index,
    hintTerm: hint.term,
  });
}
