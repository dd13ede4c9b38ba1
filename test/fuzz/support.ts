/**
 * Fuzzing with seeds: case number n of a run is made from seed and n alone, so a failure is replayed by its two numbers. What
 * was found is kept in corpus/ and tried first, for good.
 *
 *   FUZZ_SEED=7 FUZZ_FACTOR=100 node build/run.mjs test fuzz      a hundred times as many cases, from another seed
 *   FUZZ_SEED=7 FUZZ_CASE=1234 ...                                that case alone
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type SeededRandom, seededRandom } from "../support/random.ts";

const seed = Number(process.env.FUZZ_SEED ?? 1);
const factor = Number(process.env.FUZZ_FACTOR ?? 1);
const only = process.env.FUZZ_CASE;

/** Runs `count` cases (times FUZZ_FACTOR). What a case throws says how to replay it. */
export async function fuzz(
  count: number,
  run: (random: SeededRandom, number: number) => unknown,
): Promise<number> {
  const first = only === undefined ? 0 : Number(only);
  const end = only === undefined ? count * factor : first + 1;
  for (let number = first; number < end; number++) {
    try {
      const done = run(seededRandom(seed * 1_000_003 + number), number);
      if (done instanceof Promise) await done;
    } catch (error) {
      throw new Error(`FUZZ_SEED=${seed} FUZZ_CASE=${number}: ${(error as Error).message}`, { cause: error });
    }
  }
  return end - first;
}

/** The found inputs of one subject: `corpus/SUBJECT-what-it-was.hex`, hex digits with any blanks between. */
export function corpus(subject: string): { name: string; bytes: Buffer }[] {
  const folder = fileURLToPath(new URL("corpus", import.meta.url));
  const names = readdirSync(folder).filter((name) => name.startsWith(`${subject}-`) && name.endsWith(".hex"));
  return names.sort().map((name) => ({
    name,
    bytes: Buffer.from(readFileSync(join(folder, name), "latin1").replace(/#.*|\s/g, ""), "hex"),
  }));
}

export function randomBytes(random: SeededRandom, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}

/** Numbers at which codecs break. */
const edges = [0, 1, 0x7f, 0x80, 0xff];

/** The bytes with a few changes: bits, bytes, cuts, repetitions, pieces of another input. */
export function mutated(random: SeededRandom, bytes: Uint8Array, other: Uint8Array = bytes): Buffer {
  let out = Buffer.from(bytes);
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    const at = random.below(out.length + 1);
    const to = at + random.below(Math.min(64, out.length - at) + 1);
    const kind = random.below(6);
    if (kind === 0 && at < out.length) out[at]! ^= 1 << random.below(8);
    else if (kind === 1 && at < out.length) out[at] = random.pick(edges);
    else if (kind === 2) out = out.subarray(0, at);
    else if (kind === 3) out = Buffer.concat([out.subarray(0, at), out.subarray(to)]);
    else if (kind === 4) out = Buffer.concat([out.subarray(0, to), out.subarray(at)]);
    else {
      const from = random.below(other.length + 1);
      const piece = other.subarray(from, from + random.below(64));
      out = Buffer.concat([out.subarray(0, at), piece, out.subarray(at)]);
    }
  }
  return out;
}
