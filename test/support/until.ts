/** Waits for facts that nobody announces. */
import { setTimeout as pause } from "node:timers/promises";

const stepMs = 20;
const limitMs = 20_000;

/** Resolves with the first result that is neither null, undefined nor false. Rejects after twenty seconds without one. */
export async function until<Fact>(
  what: string,
  look: () => Fact | Promise<Fact>,
): Promise<Exclude<Fact, null | undefined | false>> {
  const end = performance.now() + limitMs;
  for (;;) {
    const fact = await look();
    if (fact !== null && fact !== undefined && fact !== false)
      return fact as Exclude<Fact, null | undefined | false>;
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`);
    await pause(stepMs);
  }
}
