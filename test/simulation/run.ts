/**
 * Replays seeds: `node test/simulation/run.ts --seed N [--count M] [--sabotage NAME] [--story]`. Ends with code 1 at the
 * first violation, after printing it; `--story` prints every message and decision up to there.
 */
import { parseArgs } from "node:util";
import { type Sabotage, sabotages } from "./sabotage.ts";
import { run } from "./world.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "1" },
    sabotage: { type: "string" },
    story: { type: "boolean", default: false },
  },
});
const isKnown = values.sabotage === undefined || values.sabotage in sabotages;
if (!isKnown) throw new Error(`--sabotage is one of: ${Object.keys(sabotages).join(", ")}`);
const sabotage = (values.sabotage ?? null) as Sabotage | null;
const first = Number(values.seed);
const story = (line: string): void => void process.stdout.write(`${line}\n`);
let committed = 0;
let delivered = 0;
for (let seed = first; seed < first + Number(values.count); seed++) {
  const result = run({ seed, sabotage, ...(values.story ? { narrate: story } : {}) });
  committed += result.committed;
  delivered += result.steps;
  if (result.violation === null) continue;
  console.log(`seed ${seed}: ${result.violation}`);
  process.exitCode = 1;
  break;
}
console.log(`${values.count} seeds from ${first}: ${committed} entries committed, ${delivered} messages`);
