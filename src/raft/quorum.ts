/**
 * Counting: what a majority, or while joint both majorities, agree on (Raft paper 5.3, thesis 4.3). Commit index, read
 * index rounds and check-quorum are the same question asked about different numbers, so there is one function for them.
 */
import type { MemberId } from "../base/ids.ts";
import type { Configuration } from "./entry.ts";

/** How an election stands. */
export type VoteResult = "won" | "lost" | "pending";

/**
 * The largest value that a quorum has reached: a majority of the voters and, while joint, a majority of the outgoing
 * voters too. Example: match indexes 9, 7, 4 give 7. Without any voter the answer is Infinity ("nobody objects").
 */
export function agreed(configuration: Configuration, reached: (member: MemberId) => number): number {
  const incoming = majorityValue(configuration.voters, reached);
  if (configuration.votersOutgoing.length === 0) return incoming;
  return Math.min(incoming, majorityValue(configuration.votersOutgoing, reached));
}

/** Whether the votes so far (member -> granted) decide the election. */
export function voteResult(configuration: Configuration, votes: ReadonlyMap<MemberId, boolean>): VoteResult {
  const incoming = majorityVote(configuration.voters, votes);
  const outgoing = majorityVote(configuration.votersOutgoing, votes);
  if (incoming === "lost" || outgoing === "lost") return "lost";
  return incoming === "won" && outgoing === "won" ? "won" : "pending";
}

/** Whether `member` has a vote in either majority. Learners and strangers have none. */
export function isVoter(configuration: Configuration, member: MemberId): boolean {
  return configuration.voters.includes(member) || configuration.votersOutgoing.includes(member);
}

/** Whether `member` alone is a quorum: no answer of anybody else is needed. */
export function isAlone(configuration: Configuration, member: MemberId): boolean {
  const { voters, votersOutgoing } = configuration;
  return voters.length === 1 && voters[0] === member && votersOutgoing.every((other) => other === member);
}

/** Everybody that entries are sent to: voters, outgoing voters and learners, each once. */
export function everybody(configuration: Configuration): Set<MemberId> {
  return new Set([...configuration.voters, ...configuration.votersOutgoing, ...configuration.learners]);
}

/** The smallest number of members that is more than half of `size`. */
function majority(size: number): number {
  return Math.floor(size / 2) + 1;
}

function majorityValue(members: readonly MemberId[], reached: (member: MemberId) => number): number {
  if (members.length === 0) return Number.POSITIVE_INFINITY;
  const values = members.map(reached).sort((left, right) => right - left);
  return values[majority(values.length) - 1]!;
}

function majorityVote(members: readonly MemberId[], votes: ReadonlyMap<MemberId, boolean>): VoteResult {
  if (members.length === 0) return "won";
  let granted = 0;
  let refused = 0;
  for (const member of members) {
    const vote = votes.get(member);
    if (vote === true) granted += 1;
    else if (vote === false) refused += 1;
  }
  const needed = majority(members.length);
  if (granted >= needed) return "won";
  return members.length - refused < needed ? "lost" : "pending";
}
