/**
 * What members say to each other, one type per message, in the paper's words. `term` is the sender's term except in
 * PreVote, where it is the term the candidate would use. Codec: host/peer/.
 */
import type { Index, MemberId, Term } from "../base/ids.ts";
import type { Entry, SnapshotMeta } from "./entry.ts";

interface Addressed {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: Term;
}

/** Raft thesis 9.6: asks whether an election could be won, without raising anybody's term. */
export interface PreVote extends Addressed {
  readonly type: "pre-vote";
  readonly lastIndex: Index;
  readonly lastTerm: Term;
}
export interface PreVoteResponse extends Addressed {
  readonly type: "pre-vote-response";
  readonly granted: boolean;
}
/** Raft paper 5.2. `transfer` skips the leader-lease check (thesis 3.10). */
export interface RequestVote extends Addressed {
  readonly type: "request-vote";
  readonly lastIndex: Index;
  readonly lastTerm: Term;
  readonly transfer: boolean;
}
export interface RequestVoteResponse extends Addressed {
  readonly type: "request-vote-response";
  readonly granted: boolean;
}
/** Raft paper 5.3. `previous*` name the entry before `entries`. */
export interface AppendEntries extends Addressed {
  readonly type: "append-entries";
  readonly previousIndex: Index;
  readonly previousTerm: Term;
  readonly entries: readonly Entry[];
  readonly commit: Index;
}
/**
 * Success: `matchIndex` is the last index known equal and durable at the sender. Failure: `rejectedIndex` is the
 * `previousIndex` refused and the hint names where the logs may agree, so that the leader skips whole terms (thesis 5.3).
 */
export interface AppendEntriesResponse extends Addressed {
  readonly type: "append-entries-response";
  readonly success: boolean;
  readonly matchIndex: Index;
  readonly rejectedIndex: Index;
  readonly hintIndex: Index;
  readonly hintTerm: Term;
}
/** Liveness and read index rounds (thesis 6.4). `commit` = min(match of the follower, commit). `round` 0 confirms no read. */
export interface Heartbeat extends Addressed {
  readonly type: "heartbeat";
  readonly commit: Index;
  readonly round: number;
}
export interface HeartbeatResponse extends Addressed {
  readonly type: "heartbeat-response";
  readonly round: number;
}
/** The follower is behind the log; the data follows on its own connection (host/peer/snapshot). Raft paper 7. */
export interface InstallSnapshot extends Addressed {
  readonly type: "install-snapshot";
  readonly snapshot: SnapshotMeta;
}
/** Leader transfer (thesis 3.10): the receiver campaigns at once. */
export interface TimeoutNow extends Addressed {
  readonly type: "timeout-now";
}
/** A follower's proposals, forwarded to the leader. At most once: a lost one is the proposer's timeout. */
export interface Propose extends Addressed {
  readonly type: "propose";
  readonly entries: readonly Proposal[];
}
/** A follower asks for a read index; `context` comes back in the answer. */
export interface ReadIndex extends Addressed {
  readonly type: "read-index";
  readonly context: bigint;
}
export interface ReadIndexResponse extends Addressed {
  readonly type: "read-index-response";
  readonly context: bigint;
  readonly index: Index;
}

export interface Proposal {
  readonly type: "normal" | "configuration";
  readonly data: Uint8Array;
}

export type Message =
  | PreVote
  | PreVoteResponse
  | RequestVote
  | RequestVoteResponse
  | AppendEntries
  | AppendEntriesResponse
  | Heartbeat
  | HeartbeatResponse
  | InstallSnapshot
  | TimeoutNow
  | Propose
  | ReadIndex
  | ReadIndexResponse;
