/** Something done again and again, by the given clock. */
import type { Instant } from "../base/ids.ts";
import type { Clock, Timer } from "../base/ports.ts";

/** Calls `work` every `periodMs`, first after one period. Returns how to stop. */
export function repeat(clock: Clock, periodMs: number, work: () => void): () => void {
  let timer: Timer;
  const arm = (): void => {
    timer = clock.at((clock.now() + periodMs) as Instant, () => {
      arm();
      work();
    });
  };
  arm();
  return () => timer.cancel();
}
