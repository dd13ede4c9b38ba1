/**
 * How many of a kind of frame a peer may send: a bucket that refills with time. Frames that cost us work and cost the peer
 * nothing (RST_STREAM, PING, SETTINGS, empty DATA) are bounded only this way (RFC 9113, 10.5).
 */
export class Allowance {
  readonly #max: number;
  readonly #perSecond: number;
  #left: number;
  #atMs = 0;

  constructor(options: { max: number; perSecond: number }) {
    this.#max = options.max;
    this.#perSecond = options.perSecond;
    this.#left = options.max;
  }

  /** Takes `cost`; false if there is not one left. `nowMs` must not fall. */
  take(nowMs: number, cost = 1): boolean {
    if (this.#left === this.#max) this.#atMs = nowMs;
    if (this.#left < 1) {
      this.#left = Math.min(this.#max, this.#left + ((nowMs - this.#atMs) * this.#perSecond) / 1000);
      this.#atMs = nowMs;
    }
    if (this.#left < 1) return false;
    this.#left -= cost;
    return true;
  }

  /** The peer has earned a full one. */
  refill(): void {
    this.#left = this.#max;
  }
}
