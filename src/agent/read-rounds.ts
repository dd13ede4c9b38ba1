/**
 * Groups linearizable reads into read index rounds. All reads that arrive before a round is opened share it; a round that
 * gets no answer (a lost message, a lost leader) is tried again with all its reads. A read leaves only when its round is
 * ready and the state machine has applied the round's index, or when its owner gives up.
 */
import type { Index, Instant } from "../base/ids.ts";
import type { Clock, Timer } from "../base/ports.ts";

interface Read {
  done: (() => void) | null;
}

interface Round {
  readonly reads: Read[];
  readonly opened: Instant;
}

/** A round without an answer for this long is asked again (as etcd's read index retry). */
const retryAfterMs = 500;

export class ReadRounds {
  readonly #clock: Clock;
  readonly #wanted: () => void;
  #waiting: Read[] = [];
  readonly #open = new Map<bigint, Round>();
  #ready: { index: Index; reads: Read[] }[] = [];
  #parked: Read[] = [];
  #context = 0n;
  #count = 0;
  #retryTimer: Timer | undefined;
  /** Rounds that had no answer in time. */
  slow = 0;

  /** `wanted` asks the shell for a turn, in which it calls `open`. */
  constructor(clock: Clock, wanted: () => void) {
    this.#clock = clock;
    this.#wanted = wanted;
  }

  /** Reads that were added and neither served nor given up. */
  get waiting(): number {
    return this.#count;
  }

  /** `done` is called once, when the read may be served. The result takes the read back. */
  add(done: () => void): () => void {
    this.#count++;
    const leave = (): boolean => {
      if (read.done === null) return false;
      read.done = null;
      this.#count--;
      return true;
    };
    const read: Read = {
      done: () => {
        if (leave()) done();
      },
    };
    this.#waiting.push(read);
    this.#wanted();
    return () => void leave();
  }

  /** Closes the group of waiting reads and names its round; null when nobody waits. */
  open(now: Instant): bigint | null {
    const reads = this.#waiting.filter((read) => read.done !== null);
    this.#waiting = [];
    if (reads.length === 0) return null;
    const context = ++this.#context;
    this.#open.set(context, { reads, opened: now });
    this.#armRetry();
    return context;
  }

  ready(context: bigint, index: Index): void {
    const round = this.#open.get(context);
    if (!round) return;
    this.#open.delete(context);
    this.#ready.push({ index, reads: round.reads });
  }

  /** The core could not start the round; its reads wait for `retry`. */
  dropped(context: bigint): void {
    const round = this.#open.get(context);
    if (!round) return;
    this.#open.delete(context);
    this.#parked.push(...round.reads);
    this.#armRetry();
  }

  /** Asks again for every read whose round was dropped: there is a leader now. */
  retry(): void {
    if (this.#parked.length === 0) return;
    this.#waiting.push(...this.#parked);
    this.#parked = [];
    this.#wanted();
  }

  /** Serves the reads whose index the state machine has reached. */
  release(applied: Index): void {
    if (this.#ready.length === 0) return;
    const due = this.#ready.filter((group) => group.index <= applied);
    this.#ready = this.#ready.filter((group) => group.index > applied);
    for (const group of due) for (const read of group.reads) read.done?.();
  }

  close(): void {
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
  }

  #armRetry(): void {
    if (this.#retryTimer) return;
    this.#retryTimer = this.#clock.at((this.#clock.now() + retryAfterMs) as Instant, () => {
      this.#retryTimer = undefined;
      const now = this.#clock.now();
      for (const [context, round] of this.#open) {
        if (now - round.opened < retryAfterMs) continue;
        this.#open.delete(context);
        this.#parked.push(...round.reads);
        this.slow++;
      }
      this.retry();
      if (this.#open.size > 0 || this.#waiting.length > 0) this.#armRetry();
    });
  }
}
