/**
 * Check-quorum (thesis 6.2): a leader that no quorum has answered for an election timeout steps down, so that its clients
 * hear about it instead of waiting, and so that the votes that others refuse for its sake are free again.
 */
import { Instant } from "../base/ids.ts";
import { trace } from "./effects.ts";
import { becomeFollower } from "./election.ts";
import { agreed } from "./quorum.ts";
import { configurationOf, type Raft } from "./raft.ts";

/** Leader: when it has to step down unless more members answer (raft time); Infinity if it needs nobody. */
export function quorumDeadline(raft: Raft): Instant {
  const heardAt = agreed(configurationOf(raft), (member) =>
    member === raft.id
      ? Number.POSITIVE_INFINITY
      : (raft.progress.get(member)?.heardAt ?? Number.NEGATIVE_INFINITY),
  );
  return Instant(heardAt + raft.limits.electionMs);
}

/** Leader: steps down if the quorum has been silent for too long. */
export function checkQuorum(raft: Raft): "heard" | "silent" {
  if (quorumDeadline(raft) > raft.now) return "heard";
  trace(raft, () => "quorum silent -> step down");
  becomeFollower(raft, raft.term, null);
  return "silent";
}
