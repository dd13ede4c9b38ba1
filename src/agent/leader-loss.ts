/**
 * Ends what asked for a leader when there is none (etcd.md 1, `hasleader`): a stream that is open on a member which has seen no
 * leader for three election timeouts is told, so that its client goes to a member that has one. Many streams are told in
 * slices.
 */
import { Instant } from "../base/ids.ts";
import type { Clock, Timer } from "../base/ports.ts";

/** Election timeouts without a leader, as etcd. */
const timeouts = 3;
/** Told in one turn of the loop. */
const toldAtOnce = 500;

export class LeaderLoss {
  readonly #silenceMs: number;
  readonly #hasLeader: () => boolean;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: { electionMs: number }, modules: { hasLeader: () => boolean; clock: Clock }) {
    this.#silenceMs = timeouts * options.electionMs;
    this.#hasLeader = modules.hasLeader;
    this.#clock = modules.clock;
  }

  /** Who is to be told and was not yet. */
  get waiting(): number {
    return this.#listeners.size;
  }

  /** Calls `lost` once, when there has been no leader for too long. Returns how to stop that. */
  listen(lost: () => void): () => void {
    this.#listeners.add(lost);
    return () => void this.#listeners.delete(lost);
  }

  /** Another leader, or none, is known. */
  leaderChanged(): void {
    if (this.#closed) return;
    if (this.#hasLeader()) {
      this.#timer?.cancel();
      this.#timer = undefined;
    } else if (this.#timer === undefined) this.#tellAfter(this.#silenceMs);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#listeners.clear();
  }

  #tellAfter(ms: number): void {
    this.#timer = this.#clock.at(Instant(this.#clock.now() + ms), () => {
      this.#timer = undefined;
      let left = toldAtOnce;
      for (const lost of this.#listeners) {
        if (left-- === 0) {
          this.#tellAfter(0);
          return;
        }
        this.#listeners.delete(lost);
        lost();
      }
    });
  }
}
