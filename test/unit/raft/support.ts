/** Short ways to write members, entries and raft cores in the tables of this folder. */
import { Index, Instant, MemberId, Term } from "../../../src/base/ids.ts";
import { votersOnly } from "../../../src/raft/configuration.ts";
import type { Configuration, Entry } from "../../../src/raft/entry.ts";
import type { RaftEffect } from "../../../src/raft/event.ts";
import { createRaft, type Raft, type RaftOptions } from "../../../src/raft/raft.ts";
import { step } from "../../../src/raft/step.ts";
import type { UnstampedEvent } from "../../support/raft-event.ts";

export const m = (id: number): MemberId => MemberId(BigInt(id));
export const members = (...ids: number[]): MemberId[] => ids.map(m);

export function configuration(
  voters: number[],
  outgoing: number[] = [],
  learners: number[] = [],
): Configuration {
  return { voters: members(...voters), votersOutgoing: members(...outgoing), learners: members(...learners) };
}

/** `entry("4@2")`: index 4, term 2. */
export function entry(id: string, type: Entry["type"] = "normal", data: Uint8Array = Buffer.from(id)): Entry {
  const { index, term } = entryId(id);
  return { index, term, type, data };
}

export function entryId(id: string): { index: Index; term: Term } {
  const [index, term] = id.split("@").map(Number);
  return { index: Index(index!), term: Term(term!) };
}

export function entries(ids: string): Entry[] {
  return ids === "" ? [] : ids.split(" ").map((id) => entry(id));
}

/** Member 1 of three, unless told otherwise. */
export function raftOf(options: Partial<RaftOptions> = {}): Raft {
  const recovered = options.entries ?? [];
  return createRaft({
    id: m(1),
    configuration: votersOnly(members(1, 2, 3)),
    hardState: { term: recovered.at(-1)?.term ?? Term(0), vote: null, commit: Index(0) },
    snapshot: entryId("0@0"),
    entries: recovered,
    applied: Index(0),
    seed: 1,
    ...options,
  });
}

/** A core with a clock that stands unless moved, and the disk in the test's hand. */
export class Bench {
  readonly raft: Raft;
  now = 0;

  constructor(options: Partial<RaftOptions> = {}) {
    this.raft = raftOf(options);
    this.step({ type: "start" });
  }

  step(event: UnstampedEvent): RaftEffect[] {
    return step(this.raft, { ...event, now: Instant(this.now) } as Parameters<typeof step>[1]);
  }

  /** Everything handed to the disk is durable. */
  persist(): RaftEffect[] {
    return this.step({ type: "persisted", sequence: this.raft.persistence.nextSequence - 1, last: null });
  }

  /** Makes it leader of the next term, with the votes of all. */
  lead(): this {
    this.now = this.raft.electionDeadline;
    this.step({ type: "wake" });
    const { voters } = this.raft.configurations.inForce;
    for (const phase of ["pre-vote-response", "request-vote-response"] as const) {
      for (const from of voters) {
        const term = Term(phase === "pre-vote-response" ? this.raft.term + 1 : this.raft.term);
        const to = this.raft.id;
        if (from !== to)
          this.step({ type: "receive", message: { type: phase, from, to, term, granted: true } });
      }
      this.persist();
    }
    return this;
  }

  /** That follower has everything up to `match`. */
  has(from: number, match: number): RaftEffect[] {
    const zero = { rejectedIndex: Index(0), hintIndex: Index(0), hintTerm: Term(0) };
    const head = { from: m(from), to: this.raft.id, term: this.raft.term };
    const matchIndex = Index(match);
    const message = { type: "append-entries-response", ...head, success: true, matchIndex, ...zero } as const;
    return this.step({ type: "receive", message });
  }
}

/** The effects of one type. */
export function only<Type extends RaftEffect["type"]>(
  effects: readonly RaftEffect[],
  type: Type,
): Extract<RaftEffect, { type: Type }>[] {
  return effects.filter((effect): effect is Extract<RaftEffect, { type: Type }> => effect.type === type);
}
