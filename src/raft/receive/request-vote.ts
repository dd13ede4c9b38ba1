import { address, sendAfterPersist, trace } from "../effects.ts";
import { restartElectionTimer } from "../election.ts";
import type { RequestVote } from "../message.ts";
import type { Raft } from "../raft.ts";

/**
 * Raft paper 5.2 and 5.4.1: one vote per term, first come first served, and only for a log that is not behind. The answer
 * leaves when the vote is durable. A learner answers too: it may not know yet that it was promoted.
 */
export function receiveRequestVote(raft: Raft, message: RequestVote): void {
  const { from: to, lastIndex, lastTerm } = message;
  const isOpen = raft.vote === to || (raft.vote === null && raft.leader === null);
  const granted = isOpen && raft.log.isUpToDate({ index: lastIndex, term: lastTerm });
  trace(raft, () => `log ${raft.log.lastIndex}@${raft.log.lastTerm} -> ${granted ? "grant" : "refuse"}`);
  if (granted) {
    raft.vote = to;
    restartElectionTimer(raft);
  }
  sendAfterPersist(raft, { type: "request-vote-response", ...address(raft, to), granted });
}
