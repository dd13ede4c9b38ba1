/** A limit in time for something that takes an AbortSignal, by the given clock. */
import type { Instant } from "../base/ids.ts";
import type { Clock } from "../base/ports.ts";

/** Runs `work` with a signal that fires after `ms`. */
export async function within<Result>(
  clock: Clock,
  ms: number,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const limit = new AbortController();
  const timer = clock.at((clock.now() + ms) as Instant, () => limit.abort());
  try {
    return await work(limit.signal);
  } finally {
    timer.cancel();
  }
}
