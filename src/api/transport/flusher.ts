/**
 * Sends once per turn of the loop: what all handlers answered meanwhile leaves in one write per connection. setImmediate comes
 * after the turn's I/O, so after the group commit whose callers are answered.
 */

export interface Flushable {
  flush(): void;
}

export class Flusher {
  #waiting: Flushable[] = [];

  /** Calls `each.flush` at the end of this turn. Call it once per turn and connection. */
  later(each: Flushable): void {
    if (this.#waiting.push(each) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) each.flush();
  }
}
