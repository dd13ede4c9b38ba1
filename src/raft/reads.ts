/** The linearizable reads that wait, at a leader and at those who ask it. How they move is in read-index.ts. */
import type { Index, Instant, MemberId } from "../base/ids.ts";

/** Who wants a read index: this member itself, or one that forwarded its read. */
export interface Reader {
  readonly member: MemberId;
  readonly context: bigint;
}

/** Readers that one confirmation of leadership answers, all with the same index. */
export interface Round {
  readonly number: number;
  /** The commit index when the round began, so not before any of its readers asked. */
  readonly index: Index;
  readonly readers: readonly Reader[];
}

/** A read that was sent to the leader. */
export interface ForwardedRead {
  /** As the caller knows it. */
  readonly context: bigint;
  readonly deadline: Instant;
}

/** All reads that wait at one member. */
export interface Reads {
  /** Leader: for a round to begin. */
  waiting: Reader[];
  /** Leader: rounds without a quorum of answers yet, oldest first. */
  rounds: Round[];
  /** Leader: number of the last round of this term. */
  lastRound: number;
  /** Leader: readers in `waiting` and `rounds`. */
  pending: number;
  /** Others: by the context on the wire, oldest first. */
  readonly forwarded: Map<bigint, ForwardedRead>;
}

/** Nobody waits. */
export function emptyReads(): Reads {
  return { waiting: [], rounds: [], lastRound: 0, pending: 0, forwarded: new Map() };
}
