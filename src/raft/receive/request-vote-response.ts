import { countVote } from "../election.ts";
import type { RequestVoteResponse } from "../message.ts";
import type { Raft } from "../raft.ts";

/** An answer to the election under way; the gate has seen to it that it is of this term. */
export function receiveRequestVoteResponse(raft: Raft, message: RequestVoteResponse): void {
  if (raft.role === "candidate") countVote(raft, message.from, message.granted);
}
