import type { HeartbeatResponse } from "../message.ts";
import type { Raft } from "../raft.ts";
import { confirmRounds } from "../read-index.ts";
import { sendAppends } from "../replication.ts";

/**
 * A follower lives and still follows. If it lacks entries, or nothing is known yet, an append asks where it stands: whatever
 * was in flight may have been lost, and an idle leader has no other occasion to find out.
 */
export function receiveHeartbeatResponse(raft: Raft, message: HeartbeatResponse): void {
  const progress = raft.progress.get(message.from);
  if (raft.role !== "leader" || !progress) return;
  progress.heardAt = raft.now;
  progress.roundAnswered = Math.max(progress.roundAnswered, message.round);
  const isBehind = progress.match < raft.log.lastIndex || progress.state === "probe";
  // Heartbeats are a whole interval apart; their answers may come a little closer.
  if (isBehind && progress.mayAsk(raft.now, raft.limits.heartbeatMs / 2)) {
    sendAppends(raft, message.from, progress, true);
  }
  confirmRounds(raft);
}
