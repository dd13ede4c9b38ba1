/**
 * Deadlines of equal length for many requests with one timer: they expire in the order in which they were added, so the
 * oldest is always the first of an insertion-ordered set, and a settled one is forgotten at once.
 */
import type { Instant } from "../base/ids.ts";
import type { Clock, Timer } from "../base/ports.ts";

interface Deadline {
  readonly at: Instant;
  readonly expire: () => void;
}

export class Deadlines {
  readonly #clock: Clock;
  readonly #lengthMs: number;
  readonly #open = new Set<Deadline>();
  #timer: Timer | undefined;

  constructor(options: { lengthMs: number }, modules: { clock: Clock }) {
    this.#clock = modules.clock;
    this.#lengthMs = options.lengthMs;
  }

  /** Calls `expire` after the common length, unless the returned function is called first. */
  add(expire: () => void): () => void {
    const deadline: Deadline = { at: (this.#clock.now() + this.#lengthMs) as Instant, expire };
    this.#open.add(deadline);
    if (!this.#timer) this.#arm(deadline);
    return () => this.#open.delete(deadline);
  }

  /** Expires everything that is still open: nobody waits for ever on something that has ended. */
  close(): void {
    this.#timer?.cancel();
    for (const deadline of this.#open) {
      this.#open.delete(deadline);
      deadline.expire();
    }
  }

  #arm(first: Deadline): void {
    this.#timer = this.#clock.at(first.at, () => {
      this.#timer = undefined;
      const now = this.#clock.now();
      for (const deadline of this.#open) {
        if (deadline.at > now) {
          this.#arm(deadline);
          return;
        }
        this.#open.delete(deadline);
        deadline.expire();
      }
    });
  }
}
