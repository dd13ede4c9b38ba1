/**
 * The raft core under seeded faults, and the proof that these checks would notice a broken one. Replay a failure with the line
 * that it prints.
 */
import { test } from "tap";
import { type Sabotage, sabotages } from "./sabotage.ts";
import { run } from "./world.ts";

/** Runs of the real core: about 15 s on the machine this was written on (20 ms each). */
const seedsToPass = 700;
/** A broken core has to be noticed within this many seeds. */
const seedsToNotice = 1500;
/** Where to begin, so that the rare ones are found soon; found by `node test/simulation/run.ts --sabotage NAME --count 3000`. */
const noticedSoonFrom: Partial<Record<Sabotage, number>> = {
  "own-vote-before-persist": 110,
  "commit-old-term": 250,
};

test("safety at every step and liveness after the faults", async (t) => {
  const first = Number(process.env.ARGOSY_SEED ?? 1);
  let committed = 0;
  for (let seed = first; seed < first + seedsToPass; seed++) {
    const result = run({ seed });
    committed += result.committed;
    if (result.violation === null) continue;
    t.fail(`seed ${seed}: ${result.violation}`, {
      replay: `node test/simulation/run.ts --seed ${seed} --count 1 --story`,
    });
    return;
  }
  t.ok(
    committed > seedsToPass * 50,
    `${seedsToPass} seeds from ${first} hold; ${committed} entries committed`,
  );
});

test("the same seed gives the same story", async (t) => {
  const stories = [1, 2].map(() => {
    const lines: string[] = [];
    run({ seed: 7, faultsMs: 5000, narrate: (line) => lines.push(line) });
    return lines.join("\n");
  });
  t.ok(stories[0]!.length > 1000);
  t.equal(stories[0], stories[1]);
});

for (const sabotage of Object.keys(sabotages) as Sabotage[]) {
  test(`a core is noticed where ${sabotages[sabotage]}`, async (t) => {
    const first = noticedSoonFrom[sabotage] ?? 1;
    for (let seed = first; seed < first + seedsToNotice; seed++) {
      const { violation } = run({ seed, sabotage });
      if (violation === null) continue;
      t.pass(`${sabotage}: seed ${seed}, ${seed - first + 1} tried: ${violation}`);
      return;
    }
    t.fail(`${sabotage} was not noticed in ${seedsToNotice} seeds from ${first}`);
  });
}
