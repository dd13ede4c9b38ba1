import { Index } from "../../base/ids.ts";
import { sendAfterPersist, trace } from "../effects.ts";
import { heardLeader } from "../election.ts";
import type { InstallSnapshot } from "../message.ts";
import type { Raft } from "../raft.ts";
import { commitTo } from "../replication.ts";
import { has, isSnapshotNeeded } from "../snapshot.ts";

/** The leader announces a snapshot (paper 7). A log that holds its last entry has no use for it, and says so. */
export function receiveInstallSnapshot(raft: Raft, message: InstallSnapshot): void {
  const { from, snapshot } = message;
  heardLeader(raft, from);
  if (isSnapshotNeeded(raft, snapshot)) {
    trace(raft, () => `expects snapshot ${snapshot.index}@${snapshot.term}`);
    raft.effects.push({ type: "expect-snapshot", from, snapshot });
    return;
  }
  commitTo(raft, snapshot.index);
  sendAfterPersist(raft, has(raft, from, Index(Math.max(raft.commit, snapshot.index))));
}
