/**
 * The values raft talks about: entries, what must survive a crash, the configuration, and snapshot metadata.
 * Words are those of the Raft paper; etcd's wire names belong to codecs.
 */
import type { Index, MemberId, Term } from "../base/ids.ts";

/** Names a position in a log: two logs that agree on one entry id agree on everything before it (log matching). */
export interface EntryId {
  readonly index: Index;
  readonly term: Term;
}

/**
 * One log entry. `normal` carries a command for the state machine, `configuration` an encoded Configuration, `empty` is
 * what a new leader appends (Raft paper 8) and has no data.
 */
export interface Entry extends EntryId {
  readonly type: "normal" | "configuration" | "empty";
  readonly data: Uint8Array;
}

/** Must be durable before any message that depends on it leaves (Raft paper figure 2). `commit` is a hint and needs no sync. */
export interface HardState {
  readonly term: Term;
  readonly vote: MemberId | null;
  readonly commit: Index;
}

/** Who counts. While joint (`votersOutgoing` not empty) both majorities are needed (Raft thesis 4.3). Lists are sorted. */
export interface Configuration {
  readonly voters: readonly MemberId[];
  readonly votersOutgoing: readonly MemberId[];
  readonly learners: readonly MemberId[];
}

/** State that a snapshot stands for: everything up to and including `index`. */
export interface SnapshotMeta extends EntryId {
  readonly configuration: Configuration;
}
