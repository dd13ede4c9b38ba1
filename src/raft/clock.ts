/**
 * Raft time, and what is due when. The shell's clock goes on while the process is stalled (a stopped machine, a long
 * collection, a suspended laptop); what others said meanwhile waits unread in the sockets. So time that passed in a stall
 * does not count: if an event comes more than a heartbeat after the awaited wake, the excess is taken off, and an
 * election waits one more heartbeat for what is in the sockets. A late tick is one tick.
 */
import { Instant } from "../base/ids.ts";
import { checkQuorum, quorumDeadline } from "./check-quorum.ts";
import { campaign, electionTimeoutMs, isCandidate } from "./election.ts";
import { isAlone, isVoter } from "./quorum.ts";
import { configurationOf, type Raft } from "./raft.ts";
import { expireForwarded, forwardedDeadline } from "./read-index.ts";
import { broadcastHeartbeat } from "./replication.ts";
import { abortTransfer } from "./transfer.ts";

/** Brings raft time to the event's instant. */
export function advance(raft: Raft, now: Instant): void {
  const due = raft.wakeAt;
  let here = now - raft.stalledMs;
  // The same sum as in the `wake` effect: rounding must not make the instant that was asked for come too early for ever.
  if (due !== null && now >= due + raft.stalledMs) here = Math.max(here, due);
  if (due !== null && here > due + raft.limits.heartbeatMs) {
    raft.stalledMs += here - due;
    here = due;
    raft.wakeAt = null;
    raft.electionDeadline = Instant(Math.max(raft.electionDeadline, here + raft.limits.heartbeatMs));
  }
  raft.now = Instant(Math.max(raft.now, here));
}

/** Begins the life of a member: raft time starts, and a member that is a quorum by itself does not wait. */
export function start(raft: Raft): void {
  raft.electionDeadline = Instant(raft.now + electionTimeoutMs(raft));
  if (isAlone(configurationOf(raft), raft.id)) campaign(raft, "alone");
}

/** Does what is due. */
export function wake(raft: Raft): void {
  raft.wakeAt = null;
  expireForwarded(raft);
  if (raft.role === "leader") {
    if (checkQuorum(raft) === "silent") return;
    if (raft.transfer && raft.transfer.deadline <= raft.now) abortTransfer(raft, "timeout");
    if (raft.heartbeatDeadline <= raft.now) broadcastHeartbeat(raft);
    return;
  }
  if (raft.electionDeadline <= raft.now && isVoter(configurationOf(raft), raft.id)) {
    campaign(raft, isCandidate(raft) ? "election not decided" : "leader silent");
  }
}

/** The next instant (raft time) at which something is due, or null: a member without a vote waits to be told. */
export function nextDeadline(raft: Raft): Instant | null {
  let deadline = forwardedDeadline(raft);
  if (raft.role === "leader") {
    const transfer = raft.transfer?.deadline ?? Number.POSITIVE_INFINITY;
    deadline = Math.min(deadline, raft.heartbeatDeadline, quorumDeadline(raft), transfer);
  } else if (isVoter(configurationOf(raft), raft.id)) {
    deadline = Math.min(deadline, raft.electionDeadline);
  }
  return Number.isFinite(deadline) ? Instant(deadline) : null;
}
