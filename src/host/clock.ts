/** The real clock and real chance (ports of base/ports). */
import { randomBytes } from "node:crypto";
import { Instant } from "../base/ids.ts";
import type { Clock, Random, Timer } from "../base/ports.ts";

/** `setTimeout` takes at most this many milliseconds; later instants are reached in steps. */
const timeoutMaxMs = 2_147_483_647;

/** The monotonic clock of the process and Node's timers. */
export const systemClock: Clock = {
  now: () => Instant(performance.now()),
  wallMs: () => Date.now(),
  at(at, fire): Timer {
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const wait = Math.ceil(Math.max(0, at - performance.now()));
      timer = wait > timeoutMaxMs ? setTimeout(arm, timeoutMaxMs) : setTimeout(fire, wait);
    };
    arm();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Cryptographic randomness, drawn in blocks. */
export class SystemRandom implements Random {
  #block = Buffer.alloc(0);

  uint32(): number {
    if (this.#block.length < 4) this.#block = randomBytes(256);
    const value = this.#block.readUInt32LE(0);
    this.#block = this.#block.subarray(4);
    return value;
  }
}
