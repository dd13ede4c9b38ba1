import { address, send, trace } from "../effects.ts";
import type { PreVote } from "../message.ts";
import type { Raft } from "../raft.ts";

/**
 * Somebody asks whether this member would vote for it (thesis 9.6). The gate has let it through, so no leader was heard
 * lately, or the term is the present one. Nothing changes here: no term, no vote, no timer.
 */
export function receivePreVote(raft: Raft, message: PreVote): void {
  const { from: to, lastIndex, lastTerm } = message;
  const isOpen = raft.vote === to || (raft.vote === null && raft.leader === null);
  const mayVote = message.term > raft.term || isOpen;
  const granted = mayVote && raft.log.isUpToDate({ index: lastIndex, term: lastTerm });
  const term = granted ? message.term : raft.term;
  trace(
    raft,
    () => `log ${raft.log.lastIndex}@${raft.log.lastTerm} -> ${granted ? "would grant" : "would refuse"}`,
  );
  send(raft, { type: "pre-vote-response", ...address(raft, to), term, granted });
}
