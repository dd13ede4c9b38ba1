/**
 * Roles and how they change:
 *
 *     follower --timeout--> pre-candidate --quorum would grant--> candidate --quorum granted--> leader
 *     any --higher term, or the leader of this term speaks--> follower
 *     leader --quorum silent--> follower
 *
 * Raft paper 5.2 and 5.4.1, thesis 9.6 (pre-vote), 6.2 (check-quorum), 3.10 (transfer skips pre-vote).
 */
import { assert } from "../base/assert.ts";
import { Instant, type MemberId, Term } from "../base/ids.ts";
import { address, nameOf, send, sendAfterPersist, trace } from "./effects.ts";
import { everybody, isAlone, isVoter, voteResult } from "./quorum.ts";
import { configurationOf, type Raft } from "./raft.ts";
import { nextFraction } from "./random.ts";
import { dropForwarded, dropLeaderReads, resetLeaderReads } from "./read-index.ts";
import { appendOwn, broadcastAppend, newProgress } from "./replication.ts";

/** A timeout from [electionMs, 2 x electionMs), drawn anew each time so that split votes do not repeat. */
export function electionTimeoutMs(raft: Raft): number {
  return raft.limits.electionMs * (1 + nextFraction(raft));
}

/** Whether a campaign of this member is under way. */
export function isCandidate(raft: Raft): boolean {
  return raft.role === "pre-candidate" || raft.role === "candidate";
}

/** Whether the leader was heard recently enough to refuse votes to others (thesis 6.2). A leader hears itself. */
export function isLeaderFresh(raft: Raft): boolean {
  if (raft.role === "leader") return true;
  return raft.leader !== null && raft.now < raft.leaderHeardAt + raft.limits.electionMs;
}

/** The leader of this term spoke. */
export function heardLeader(raft: Raft, leader: MemberId): void {
  becomeFollower(raft, raft.term, leader);
  raft.leaderHeardAt = raft.now;
  restartElectionTimer(raft);
}

/** Puts the next campaign off by a fresh timeout. */
export function restartElectionTimer(raft: Raft): void {
  raft.electionDeadline = Instant(raft.now + electionTimeoutMs(raft));
}

/** Steps down, or moves to a higher term, or learns who leads. The term never falls; a new term has no vote yet. */
export function becomeFollower(raft: Raft, term: Term, leader: MemberId | null): void {
  assert(term >= raft.term, "the term never falls");
  const wasLeader = raft.role === "leader";
  if (term > raft.term) {
    raft.term = term;
    raft.vote = null;
  }
  leaveRole(raft);
  raft.role = "follower";
  setLeader(raft, leader);
  if (wasLeader) restartElectionTimer(raft);
}

/** Starts an election: first asks whether it could be won, without disturbing anybody (thesis 9.6). */
export function campaign(raft: Raft, reason: string): void {
  trace(raft, () => `${reason} -> pre-candidate for term=${raft.term + 1}`);
  leaveRole(raft);
  setLeader(raft, null);
  raft.role = "pre-candidate";
  restartElectionTimer(raft);
  raft.votes.set(raft.id, true);
  if (isAlone(configurationOf(raft), raft.id)) {
    campaignForReal(raft, false);
    return;
  }
  const { index: lastIndex, term: lastTerm } = raft.log.last;
  for (const to of otherVoters(raft)) {
    send(raft, { type: "pre-vote", ...address(raft, to), term: Term(raft.term + 1), lastIndex, lastTerm });
  }
}

/**
 * Votes for itself in a new term and asks for votes. The requests leave only when the own vote and the whole log are
 * durable: a candidate that crashed and forgot this term could otherwise campaign in it again with a shorter log and be
 * elected by answers to the first request. For the same reason the own vote counts when `persisted` says so.
 */
export function campaignForReal(raft: Raft, transfer: boolean): void {
  leaveRole(raft);
  setLeader(raft, null);
  raft.role = "candidate";
  raft.term = Term(raft.term + 1);
  raft.vote = raft.id;
  raft.ownVoteSequence = raft.persistence.nextSequence;
  restartElectionTimer(raft);
  trace(raft, () => `candidate in term=${raft.term}`);
  const { index: lastIndex, term: lastTerm } = raft.log.last;
  for (const to of otherVoters(raft)) {
    sendAfterPersist(raft, { type: "request-vote", ...address(raft, to), lastIndex, lastTerm, transfer });
  }
}

/** The own vote, if one is awaited, has become durable. */
export function countOwnVote(raft: Raft, sequence: number): void {
  if (raft.role !== "candidate" || raft.ownVoteSequence === 0 || sequence < raft.ownVoteSequence) return;
  raft.ownVoteSequence = 0;
  countVote(raft, raft.id, true);
}

/** Counts an answer to the campaign under way, and acts when it decides. */
export function countVote(raft: Raft, from: MemberId, granted: boolean): void {
  if (!raft.votes.has(from)) raft.votes.set(from, granted);
  const result = voteResult(configurationOf(raft), raft.votes);
  if (result === "lost") {
    trace(raft, () => "election lost");
    becomeFollower(raft, raft.term, null);
  } else if (result === "won") {
    if (raft.role === "pre-candidate") campaignForReal(raft, false);
    else becomeLeader(raft);
  }
}

/**
 * Leads its term, beginning with an empty entry: earlier entries are committed only together with one of the own term
 * (paper 5.4.2), and reads wait for it (paper 8).
 */
function becomeLeader(raft: Raft): void {
  assert(raft.role === "candidate", "only a candidate becomes leader");
  trace(raft, () => `elected in term=${raft.term}`);
  leaveRole(raft);
  raft.role = "leader";
  setLeader(raft, raft.id);
  raft.uncommittedBytes = 0;
  resetLeaderReads(raft);
  for (const member of everybody(configurationOf(raft))) {
    if (member !== raft.id) raft.progress.set(member, newProgress(raft));
  }
  raft.heartbeatDeadline = Instant(raft.now + raft.limits.heartbeatMs);
  appendOwn(raft, [{ type: "empty", data: new Uint8Array(0) }]);
  broadcastAppend(raft);
}

function leaveRole(raft: Raft): void {
  if (raft.role === "leader") dropLeaderReads(raft);
  raft.votes.clear();
  raft.ownVoteSequence = 0;
  raft.progress.clear();
  raft.transfer = null;
}

function setLeader(raft: Raft, leader: MemberId | null): void {
  if (raft.leader === leader) return;
  raft.leader = leader;
  dropForwarded(raft);
  if (leader !== null) trace(raft, () => `leader is ${nameOf(leader)}`);
}

function otherVoters(raft: Raft): MemberId[] {
  const configuration = configurationOf(raft);
  return [...everybody(configuration)].filter(
    (member) => member !== raft.id && isVoter(configuration, member),
  );
}
