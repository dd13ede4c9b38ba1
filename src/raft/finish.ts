/**
 * The end of a step: what follows from the new state, and the effects of which a step has at most one each: the persist,
 * the entries to apply, the change of role, the wake.
 */
import { Index, Instant, type MemberId, type Term } from "../base/ids.ts";
import { nextDeadline } from "./clock.ts";
import { trace } from "./effects.ts";
import { becomeFollower } from "./election.ts";
import type { RaftEffect, Role } from "./event.ts";
import { assertCheap } from "./invariants.ts";
import { isVoter } from "./quorum.ts";
import type { Raft } from "./raft.ts";
import { startRound } from "./read-index.ts";

/** What has to be compared at the end of a step. */
export interface Standing {
  readonly role: Role;
  readonly term: Term;
  readonly leader: MemberId | null;
}

/** The standing now. */
export function standing(raft: Raft): Standing {
  return { role: raft.role, term: raft.term, leader: raft.leader };
}

/** Completes the step: the persist goes first, because `send-after-persist` is about the persists before it. */
export function finish(raft: Raft, before: Standing): RaftEffect[] {
  settle(raft);
  const hardState = { term: raft.term, vote: raft.vote, commit: raft.commit };
  const batch = raft.persistence.next(raft.log, hardState);
  if (batch) raft.effects.unshift({ type: "persist", ...batch });
  issueApply(raft);
  const { role, term, leader } = raft;
  if (role !== before.role || term !== before.term || leader !== before.leader) {
    raft.effects.push({ type: "role-changed", role, term, leader });
  }
  issueWake(raft);
  assertCheap(raft);
  const effects = raft.effects;
  raft.effects = [];
  return effects;
}

/**
 * Committed is not enough: what the state machine has applied may become durable at any moment, and then the log on this
 * member's disk must not be behind it (spec etcd.md 19, order of durability).
 */
function issueApply(raft: Raft): void {
  const upTo = Index(Math.min(raft.commit, raft.persistence.durable));
  if (upTo <= raft.applyIssued) return;
  const entries = raft.log.range(Index(raft.applyIssued + 1), upTo);
  raft.applyIssued = upTo;
  raft.effects.push({ type: "apply", entries });
}

function issueWake(raft: Raft): void {
  const deadline = nextDeadline(raft);
  if (deadline === raft.wakeAt) return;
  raft.wakeAt = deadline;
  if (deadline !== null) raft.effects.push({ type: "wake", at: Instant(deadline + raft.stalledMs) });
}

/** What any event may have made possible or necessary for a leader. */
function settle(raft: Raft): void {
  if (raft.role !== "leader") return;
  const { inForceSince, inForce } = raft.configurations;
  if (inForceSince <= raft.commit && !isVoter(inForce, raft.id)) {
    trace(raft, () => "removed by a committed configuration -> step down");
    becomeFollower(raft, raft.term, null);
    return;
  }
  startRound(raft);
}
