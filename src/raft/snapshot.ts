/**
 * Snapshots, as far as consensus is concerned (Raft paper 7): the state machine's data travels on a connection of its own,
 * which the shell keeps; the core knows who needs one, announces it, and starts its log anew when one has been installed.
 *
 *     leader: send-snapshot -> shell streams, announcing with installSnapshot() -> snapshot-sent
 *     follower: receive install-snapshot -> expect-snapshot -> shell takes the stream, asks isSnapshotNeeded() once more,
 *     swaps the state machine -> snapshot-installed. Between that question and that event nothing else may be stepped.
 */
import { assert } from "../base/assert.ts";
import { Index, type MemberId } from "../base/ids.ts";
import { address, sendAfterPersist, trace } from "./effects.ts";
import type { EntryId, SnapshotMeta } from "./entry.ts";
import type { AppendEntriesResponse, InstallSnapshot } from "./message.ts";
import type { Raft } from "./raft.ts";

/** What a snapshot of the state machine at `index` stands for. `index` is not beyond what `apply` has handed out. */
export function snapshotMeta(raft: Raft, index: Index): SnapshotMeta {
  assert(index <= raft.applyIssued, "a snapshot holds only committed entries");
  const term = raft.log.termAt(index);
  assert(term !== null, "a snapshot is not older than the start of the log");
  return { index, term, configuration: raft.configurations.at(index) };
}

/**
 * The announcement that goes to `to` before the data of a snapshot at `index`, in the term that this member leads. Null when
 * it does not lead any more: the receiver would take the sender for the leader of that term. Whoever took the state machine
 * for an earlier `send-snapshot` compares its term with the announcement's.
 */
export function installSnapshot(raft: Raft, to: MemberId, index: Index): InstallSnapshot | null {
  if (raft.role !== "leader") return null;
  return { type: "install-snapshot", ...address(raft, to), snapshot: snapshotMeta(raft, index) };
}

/** Whether a snapshot would bring this member anything that its log does not hold. */
export function isSnapshotNeeded(raft: Raft, snapshot: EntryId): boolean {
  return snapshot.index > raft.commit && !raft.log.matches(snapshot);
}

/** The state machine stands at `snapshot.index` now; the log starts after it. Tells the leader. */
export function snapshotInstalled(raft: Raft, snapshot: SnapshotMeta): void {
  assert(isSnapshotNeeded(raft, snapshot), "only a snapshot that is still needed is installed");
  assert(raft.role !== "leader", "a leader has all that is committed");
  raft.log.reset(snapshot);
  raft.persistence.reset(snapshot);
  raft.configurations.reset(snapshot, snapshot.configuration);
  raft.commit = snapshot.index;
  raft.applyIssued = snapshot.index;
  raft.applied = snapshot.index;
  trace(raft, () => `log starts after ${snapshot.index}@${snapshot.term}`);
  if (raft.leader !== null) sendAfterPersist(raft, has(raft, raft.leader, snapshot.index));
}

/** The leader may forget the log too: forgets entries before `keepFrom`. The state machine's durable state covers them. */
export function compactLog(raft: Raft, keepFrom: Index): void {
  assert(keepFrom <= raft.applied + 1, "only applied entries are forgotten");
  raft.log.compact(keepFrom);
  raft.configurations.compact(raft.log.base.index);
}

/** "I have everything up to `matchIndex`". */
export function has(raft: Raft, to: MemberId, matchIndex: Index): AppendEntriesResponse {
  const none = { rejectedIndex: Index(0), hintIndex: Index(0), hintTerm: raft.log.base.term };
  return { type: "append-entries-response", ...address(raft, to), success: true, matchIndex, ...none };
}
