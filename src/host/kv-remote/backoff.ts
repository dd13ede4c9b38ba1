/** Pauses between attempts: none while there are untried endpoints, then doubling up to half a second. */
import { Instant } from "../../base/ids.ts";
import type { Clock } from "../../base/ports.ts";

const firstMs = 25;
const longestMs = 500;

/** How long to wait before attempt number `attempt` (the first is 0, which waits nothing). */
export function backoffMs(attempt: number, endpoints: number): number {
  const beyond = attempt - endpoints;
  return beyond < 0 ? 0 : Math.min(longestMs, firstMs * 2 ** beyond);
}

/** Resolves after `ms` or when `signal` is aborted, whichever is first. */
export function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  if (ms === 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = clock.at(Instant(clock.now() + ms), () => finish());
    const finish = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    signal.addEventListener("abort", finish, { once: true });
  });
}
