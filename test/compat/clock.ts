/** The machine's clock, for tests that run real parts. */
import { Instant } from "../../src/base/ids.ts";
import type { Clock } from "../../src/base/ports.ts";

export const systemClock: Clock = {
  now: () => Instant(performance.now()),
  wallMs: () => Date.now(),
  at(at, fire) {
    const timer = setTimeout(fire, Math.max(0, at - performance.now()));
    return { cancel: () => clearTimeout(timer) };
  },
};
