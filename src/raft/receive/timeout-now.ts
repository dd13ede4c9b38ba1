import { campaignForReal, heardLeader } from "../election.ts";
import type { TimeoutNow } from "../message.ts";
import { isVoter } from "../quorum.ts";
import { configurationOf, type Raft } from "../raft.ts";

/** The leader hands over (thesis 3.10): campaigns at once, without asking first, and with leave to disturb. */
export function receiveTimeoutNow(raft: Raft, message: TimeoutNow): void {
  if (raft.role === "leader" || !isVoter(configurationOf(raft), raft.id)) return;
  heardLeader(raft, message.from);
  campaignForReal(raft, true);
}
