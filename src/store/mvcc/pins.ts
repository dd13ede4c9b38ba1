/**
 * Revisions that somebody is reading, in steps. Compaction takes rows away only below all of them: what a reader began to
 * read stays until it has finished. A pin is never below the compacted revision when it is made, so a pass of compaction that
 * was under way already does not touch what it protects.
 */
import { KvError } from "../errors.ts";

export interface Pin {
  /** Between two steps. Throws `kv.unavailable` if the state was replaced by a snapshot meanwhile. */
  check(): void;
  end(): void;
}

export class Pins {
  readonly #counts = new Map<number, number>();
  readonly #ended: () => void;
  #epoch = 0;

  /** `ended` is called when a pin is gone, in case somebody waits for that. */
  constructor(modules: { ended: () => void }) {
    this.#ended = modules.ended;
  }

  /** How many readers there are. */
  get size(): number {
    let size = 0;
    for (const count of this.#counts.values()) size += count;
    return size;
  }

  /** The lowest revision that is being read; infinity if none is. */
  get lowest(): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const revision of this.#counts.keys()) lowest = Math.min(lowest, revision);
    return lowest;
  }

  /** A check that throws `kv.unavailable` once the state of now was replaced by a snapshot. */
  sameState(): () => void {
    const epoch = this.#epoch;
    return () => {
      if (epoch !== this.#epoch)
        throw new KvError("kv.unavailable", "a snapshot replaced what was being read");
    };
  }

  add(revision: number): Pin {
    const epoch = this.#epoch;
    this.#counts.set(revision, (this.#counts.get(revision) ?? 0) + 1);
    return {
      check: this.sameState(),
      end: () => {
        if (epoch === this.#epoch) this.#remove(revision);
      },
    };
  }

  /** All that was pinned is gone. */
  reset(): void {
    this.#epoch += 1;
    this.#counts.clear();
  }

  #remove(revision: number): void {
    const left = this.#counts.get(revision)! - 1;
    if (left > 0) this.#counts.set(revision, left);
    else this.#counts.delete(revision);
    this.#ended();
  }
}
