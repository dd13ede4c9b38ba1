/**
 * What must hold between all members, after every step (Raft paper figure 3), and what a linearizable read promises.
 * Entries are compared by index, term and data; the state of a machine is a chain of hashes over what it applied.
 */
import type { Index, MemberId, Term } from "../../src/base/ids.ts";
import { nameOf } from "../../src/raft/effects.ts";
import type { Entry, EntryId } from "../../src/raft/entry.ts";
import type { Raft } from "../../src/raft/raft.ts";

/** A broken promise; the run ends there. */
export class Violation extends Error {}

/** The chain value before the first entry. */
export const emptyState = 0;

/** The chain value after applying `entry` to a state with this value. */
export function applyTo(state: number, entry: Entry): number {
  let hash = Math.imul(state ^ entry.index, 0x85ebca6b) ^ Math.imul(entry.term, 0xc2b2ae35);
  for (const byte of entry.data) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

/** The memory of one run. */
export class Checks {
  readonly #leaders = new Map<Term, MemberId>();
  /** `index@term` -> what the entry is and what preceded it. */
  readonly #entries = new Map<string, string>();
  /** The term of each committed entry, and the term in which it was committed: the leader is the first to know. */
  readonly #committed = new Map<Index, { term: Term; inTerm: Term }>();
  readonly #states = new Map<Index, number>();
  /** Highest index that any member applied: it may have been acknowledged. */
  acknowledged = 0;
  #committedTo = 0;

  /**
   * Election safety and leader completeness. The latter is about what earlier terms committed: a leader may still be
   * elected, by votes that were long on their way, when a later term has committed more.
   */
  elected(raft: Raft): void {
    const other = this.#leaders.get(raft.term);
    if (other !== undefined && other !== raft.id) {
      throw new Violation(`two leaders in term ${raft.term}: ${nameOf(other)} and ${nameOf(raft.id)}`);
    }
    this.#leaders.set(raft.term, raft.id);
    for (let index = raft.log.firstIndex; index <= this.#committedTo; index = (index + 1) as Index) {
      const known = this.#committed.get(index);
      if (known && known.inTerm < raft.term && raft.log.termAt(index) !== known.term) {
        throw new Violation(
          `leader ${nameOf(raft.id)} of term ${raft.term} lacks committed ${index}@${known.term}`,
        );
      }
    }
  }

  /** Log matching: the same id means the same entry after the same entry, and so, by induction, the same log before it. */
  appended(previousTerm: Term | null, entries: readonly Entry[]): void {
    let before = previousTerm;
    for (const entry of entries) {
      const id = `${entry.index}@${entry.term}`;
      const content = `${before} ${entry.type} ${Buffer.from(entry.data).toString("latin1")}`;
      const known = this.#entries.get(id);
      if (known !== undefined && known !== content) throw new Violation(`two entries ${id}`);
      this.#entries.set(id, content);
      before = entry.term;
    }
  }

  /** State machine safety, seen at the commit index already. */
  committed(raft: Raft, from: Index): void {
    for (let index = Math.max(from + 1, raft.log.firstIndex) as Index; index <= raft.commit; index++) {
      const term = raft.log.termAt(index)!;
      const known = this.#committed.get(index);
      if (!known) {
        this.#committed.set(index, { term, inTerm: raft.term });
      } else if (known.term !== term) {
        throw new Violation(
          `${nameOf(raft.id)} commits ${index}@${term}, others committed ${index}@${known.term}`,
        );
      }
    }
    this.#committedTo = Math.max(this.#committedTo, raft.commit);
  }

  /** State machine safety: every machine has the same state at the same index. */
  applied(member: MemberId, at: EntryId["index"], state: number): void {
    const known = this.#states.get(at);
    if (known !== undefined && known !== state)
      throw new Violation(`${nameOf(member)} differs at index ${at}`);
    this.#states.set(at, state);
    this.acknowledged = Math.max(this.acknowledged, at);
  }

  /** A read sees everything that was acknowledged before it began. */
  readAnswered(member: MemberId, index: Index, acknowledgedBefore: number): void {
    if (index >= acknowledgedBefore) return;
    throw new Violation(
      `${nameOf(member)} reads at ${index}, but ${acknowledgedBefore} was acknowledged before`,
    );
  }
}
