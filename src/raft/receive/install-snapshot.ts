import { assert } from "../../base/assert.ts";
import { Index } from "../../base/ids.ts";
import { nameOf, sendAfterPersist, trace } from "../effects.ts";
import { heardLeader } from "../election.ts";
import type { InstallSnapshot } from "../message.ts";
import type { Raft } from "../raft.ts";
import { commitTo } from "../replication.ts";
import { has, isSnapshotNeeded } from "../snapshot.ts";

/**
 * The leader announces a snapshot (paper 7). A log that holds its last entry has no use for it, and says so. Taking the
 * state machine takes time, so an announcement is the one message that a former leader could send late in a term that it
 * does not lead; believing it would put two leaders into one term.
 */
export function receiveInstallSnapshot(raft: Raft, message: InstallSnapshot): void {
  assert(raft.role !== "leader", "a term has one leader");
  const { from, snapshot } = message;
  if (raft.leader !== null && raft.leader !== from) {
    trace(raft, () => `${nameOf(from)} does not lead -> ignored`);
    return;
  }
  heardLeader(raft, from);
  if (isSnapshotNeeded(raft, snapshot)) {
    trace(raft, () => `expects snapshot ${snapshot.index}@${snapshot.term}`);
    raft.effects.push({ type: "expect-snapshot", from, snapshot });
    return;
  }
  commitTo(raft, snapshot.index);
  sendAfterPersist(raft, has(raft, from, Index(Math.max(raft.commit, snapshot.index))));
}
