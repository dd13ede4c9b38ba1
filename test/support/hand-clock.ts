/** A clock that a test moves by hand. */
import { Instant } from "../../src/base/ids.ts";
import type { Clock, Timer } from "../../src/base/ports.ts";

export class HandClock implements Clock {
  #now = 0;
  readonly #due = new Set<{ readonly at: number; readonly fire: () => void }>();

  now(): Instant {
    return Instant(this.#now);
  }

  wallMs(): number {
    return this.#now;
  }

  at(at: Instant, fire: () => void): Timer {
    const timer = { at, fire };
    this.#due.add(timer);
    return { cancel: () => void this.#due.delete(timer) };
  }

  /** Timers that have not fired. */
  get pending(): number {
    return this.#due.size;
  }

  /** Moves on, fires what is due in order of time, and lets promises settle. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      const next = [...this.#due].sort((left, right) => left.at - right.at)[0];
      if (!next || next.at > until) break;
      this.#due.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.fire();
      await settled();
    }
    this.#now = until;
    await settled();
  }
}

/** Resolves after everything that is ready has run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
