/**
 * Linearizable reads without a log entry (thesis 6.4), in etcd's "safe" mode: no clock is trusted. A leader notes its
 * commit index, has a quorum confirm by a numbered heartbeat round that it still leads, and answers; the reader serves once
 * its state machine has applied that index. Reads that come while the rounds in flight are at their maximum share the next.
 *
 * A new leader's commit index may be behind what its predecessor acknowledged, until an entry of its own term is committed;
 * reads wait for that (paper 8).
 */
import { type Index, Instant, type MemberId } from "../base/ids.ts";
import { address, nameOf, send, trace } from "./effects.ts";
import { agreed, isAlone } from "./quorum.ts";
import { configurationOf, type Raft } from "./raft.ts";
import { nextUint32 } from "./random.ts";
import type { Reader } from "./reads.ts";
import { broadcastHeartbeat } from "./replication.ts";

/** Rounds in flight at one time. More would only add heartbeats; fewer would make a read wait for a whole round trip more. */
const roundsInFlightMax = 4;

/** A read of this member's own. */
export function read(raft: Raft, context: bigint): void {
  if (raft.role === "leader") {
    if (!addReader(raft, { member: raft.id, context })) drop(raft, context);
  } else if (raft.leader === null || raft.reads.forwarded.size >= raft.limits.readsPendingMax) {
    drop(raft, context);
  } else {
    forward(raft, raft.leader, context);
  }
}

/** Leader: takes a reader if there is room; the round begins at the end of the step (finish.ts). */
export function addReader(raft: Raft, reader: Reader): boolean {
  if (raft.reads.pending >= raft.limits.readsPendingMax) return false;
  raft.reads.waiting.push(reader);
  raft.reads.pending += 1;
  return true;
}

/** Leader: begins a round for those who wait, if it may. */
export function startRound(raft: Raft): void {
  const { reads } = raft;
  if (reads.waiting.length === 0 || raft.log.termAt(raft.commit) !== raft.term) return;
  if (reads.rounds.length >= roundsInFlightMax) return;
  const readers = reads.waiting;
  reads.waiting = [];
  if (isAlone(configurationOf(raft), raft.id)) {
    answer(raft, readers, raft.commit);
    return;
  }
  reads.lastRound += 1;
  reads.rounds.push({ number: reads.lastRound, index: raft.commit, readers });
  trace(raft, () => `read round ${reads.lastRound} for ${readers.length} at index=${raft.commit}`);
  broadcastHeartbeat(raft);
}

/** Leader: a follower answered a heartbeat; answers the rounds that a quorum has confirmed. */
export function confirmRounds(raft: Raft): void {
  const { reads, progress } = raft;
  if (reads.rounds.length === 0) return;
  const confirmed = agreed(configurationOf(raft), (member) =>
    member === raft.id ? Number.POSITIVE_INFINITY : (progress.get(member)?.roundAnswered ?? 0),
  );
  while (reads.rounds.length > 0 && reads.rounds[0]!.number <= confirmed) {
    const round = reads.rounds.shift()!;
    answer(raft, round.readers, round.index);
  }
}

/** A new leader begins with no reader and no round. */
export function resetLeaderReads(raft: Raft): void {
  raft.reads.waiting = [];
  raft.reads.rounds = [];
  raft.reads.lastRound = 0;
  raft.reads.pending = 0;
}

/** Leadership is lost: nothing may be answered any more. Those who forwarded find out by themselves. */
export function dropLeaderReads(raft: Raft): void {
  for (const { readers } of raft.reads.rounds) dropOwn(raft, readers);
  dropOwn(raft, raft.reads.waiting);
  resetLeaderReads(raft);
}

/** The leader answered a forwarded read. */
export function forwardedAnswered(raft: Raft, wireContext: bigint, index: Index): void {
  const forwarded = raft.reads.forwarded.get(wireContext);
  if (!forwarded) return;
  raft.reads.forwarded.delete(wireContext);
  raft.effects.push({ type: "read-ready", context: forwarded.context, index });
}

/** The leader they were sent to leads no more. */
export function dropForwarded(raft: Raft): void {
  for (const { context } of raft.reads.forwarded.values()) drop(raft, context);
  raft.reads.forwarded.clear();
}

/** Drops forwarded reads whose question or answer was lost on the way. */
export function expireForwarded(raft: Raft): void {
  for (const [wireContext, { context, deadline }] of raft.reads.forwarded) {
    if (deadline > raft.now) return;
    raft.reads.forwarded.delete(wireContext);
    drop(raft, context);
  }
}

/** When the oldest forwarded read is given up, in raft time; Infinity without any. */
export function forwardedDeadline(raft: Raft): number {
  for (const { deadline } of raft.reads.forwarded.values()) return deadline;
  return Number.POSITIVE_INFINITY;
}

/**
 * The context on the wire is drawn anew, not the caller's: an answer that was meant for an earlier life of this process
 * must not answer a read of this one.
 */
function forward(raft: Raft, leader: MemberId, context: bigint): void {
  const wireContext = (BigInt(nextUint32(raft)) << 32n) | BigInt(nextUint32(raft));
  raft.reads.forwarded.set(wireContext, { context, deadline: Instant(raft.now + raft.limits.electionMs) });
  send(raft, { type: "read-index", ...address(raft, leader), context: wireContext });
}

function answer(raft: Raft, readers: readonly Reader[], index: Index): void {
  raft.reads.pending -= readers.length;
  for (const { member, context } of readers) {
    if (member === raft.id) raft.effects.push({ type: "read-ready", context, index });
    else send(raft, { type: "read-index-response", ...address(raft, member), context, index });
  }
}

function dropOwn(raft: Raft, readers: readonly Reader[]): void {
  for (const { member, context } of readers) if (member === raft.id) drop(raft, context);
}

function drop(raft: Raft, context: bigint): void {
  trace(raft, () => `read refused, leader is ${nameOf(raft.leader)}`);
  raft.effects.push({ type: "read-dropped", context });
}
