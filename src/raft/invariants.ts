/**
 * What must hold for one member, now and between two steps. Every step asserts the cheap ones; simulation and scenarios
 * check the others too, and those that need several members (test/simulation/checks.ts).
 */
import { assert } from "../base/assert.ts";
import { Index, type MemberId, type Term } from "../base/ids.ts";
import { isValid } from "./configuration.ts";
import type { Role } from "./event.ts";
import type { Raft } from "./raft.ts";

/** Constant time, asserted by every step: the order base <= applied <= issued <= commit <= last, and who leads. */
export function assertCheap(raft: Raft): void {
  const { log } = raft;
  assert(log.base.index <= raft.applied, "the log begins at or before what is applied");
  assert(raft.applied <= raft.applyIssued, "only what was handed out is applied");
  assert(raft.applyIssued <= raft.commit, "only committed entries are handed out");
  assert(raft.commit <= log.lastIndex, "committed entries are in the log");
  assert(raft.persistence.durable <= log.lastIndex, "durable entries are in the log");
  assert(raft.term >= log.lastTerm, "the term is not below that of an entry");
  assert((raft.role === "leader") === (raft.leader === raft.id), "a leader knows itself as leader");
  assert(raft.role !== "candidate" || raft.vote === raft.id, "a candidate votes for itself");
}

/** What costs a walk over the log, as sentences that do not hold; empty when the state is sound. */
export function violations(raft: Raft): string[] {
  const wrong: string[] = [];
  const expect = (condition: boolean, promise: string): void => {
    if (!condition) wrong.push(promise);
  };
  let previous = raft.log.base.term;
  for (let index = raft.log.firstIndex; index <= raft.log.lastIndex; index = Index(index + 1)) {
    const term = raft.log.termAt(index)!;
    expect(term >= previous, `terms do not fall along the log (index ${index})`);
    previous = term;
  }
  const inForce = raft.configurations.inForce;
  expect(inForce.voters.length === 0 || isValid(inForce), "the configuration in force is valid");
  expect(raft.role === "leader" || raft.progress.size === 0, "only a leader keeps progress");
  for (const progress of raft.progress.values()) {
    expect(progress.match < progress.next, "the next index is above the match index");
    expect(progress.match <= raft.log.lastIndex, "a follower matches only what the leader has");
  }
  expect(raft.effects.length === 0, "effects are handed out at the end of the step");
  return wrong;
}

/** What has to be remembered of a step to judge the next one. */
export interface Footprint {
  readonly role: Role;
  readonly term: Term;
  readonly vote: MemberId | null;
  readonly commit: Index;
  readonly lastIndex: Index;
}

/** The present one. */
export function footprint(raft: Raft): Footprint {
  const { role, term, vote, commit } = raft;
  return { role, term, vote, commit, lastIndex: raft.log.lastIndex };
}

/** What must not happen between two steps of one process life, as sentences. */
export function regressions(before: Footprint, after: Footprint): string[] {
  const wrong: string[] = [];
  if (after.term < before.term) wrong.push("the term never falls");
  if (after.commit < before.commit) wrong.push("the commit index never falls");
  if (after.term === before.term) {
    if (before.vote !== null && after.vote !== before.vote) wrong.push("one vote per term");
    const leads = before.role === "leader" && after.role === "leader";
    if (leads && after.lastIndex < before.lastIndex) wrong.push("a leader only appends to its log");
    if (before.role === "follower" && after.role === "leader") wrong.push("a leader was a candidate before");
  }
  return wrong;
}
