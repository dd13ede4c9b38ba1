import { trace } from "../effects.ts";
import type { Propose } from "../message.ts";
import { appendProposals } from "../proposal.ts";
import type { Raft } from "../raft.ts";

/** A follower passes proposals on. What is not taken is lost without a word: the proposer has a timeout. */
export function receivePropose(raft: Raft, message: Propose): void {
  if (raft.role === "leader") appendProposals(raft, message.entries);
  else trace(raft, () => "does not lead -> proposals lost");
}
