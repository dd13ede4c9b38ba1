import { countVote } from "../election.ts";
import type { PreVoteResponse } from "../message.ts";
import type { Raft } from "../raft.ts";

/** An answer to the pre-vote under way: granted for the term after this one, or refused in this one. */
export function receivePreVoteResponse(raft: Raft, message: PreVoteResponse): void {
  if (raft.role !== "pre-candidate") return;
  if (message.granted && message.term !== raft.term + 1) return;
  countVote(raft, message.from, message.granted);
}
