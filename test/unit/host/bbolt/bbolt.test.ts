import fc from "fast-check";
import { test } from "tap";
import { BboltError } from "../../../../src/host/bbolt/errors.ts";
import { type Entry, pageBytes } from "../../../../src/host/bbolt/page.ts";
import { BboltFile, bytesOf } from "../../../../src/host/bbolt/read.ts";
import { type BucketSource, planFile, writeFile } from "../../../../src/host/bbolt/write.ts";

type Buckets = Record<string, readonly (readonly [string, number])[]>;

/** Keys as given, values of so many bytes that tell which they are. */
function sources(buckets: Buckets): BucketSource[] {
  return Object.entries(buckets).map(([name, rows]) => ({
    name,
    async *entries() {
      for (const [key, size] of rows) yield [[Buffer.from(key), value(key, size)] as Entry];
    },
  }));
}

function value(key: string, size: number): Buffer {
  return Buffer.alloc(size, key || "-");
}

async function written(buckets: Buckets): Promise<Buffer> {
  const plan = await planFile(sources(buckets));
  const pieces: Buffer[] = [];
  for await (const piece of writeFile(sources(buckets), plan)) pieces.push(Buffer.from(piece));
  const file = Buffer.concat(pieces);
  if (file.length !== plan.bytes) throw new Error(`planned ${plan.bytes}, wrote ${file.length}`);
  return file;
}

function readBack(file: Buffer): Buckets {
  const found = new BboltFile(bytesOf(file));
  return Object.fromEntries(
    found.bucketNames.map((name) => [
      name,
      [...found.entries(name)].map(([key, bytes]) => {
        if (!bytes.equals(value(key.toString(), bytes.length))) throw new Error("another value");
        return [key.toString(), bytes.length] as const;
      }),
    ]),
  );
}

function sortedKeys(keys: readonly string[]): string[] {
  return [...keys].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
}

test("given buckets are what is read back", async (t) => {
  const many = Array.from({ length: 60_000 }, (_, i) => [String(i).padStart(17, "0"), i % 90] as const);
  const cases: Record<string, Buckets> = {
    "no bucket": {},
    "empty buckets": { key: [], lease: [] },
    "an entry without value": { alarm: [["a", 0]] },
    "values longer than a node": {
      key: [
        ["a", 1],
        ["b", 100_000],
        ["c", 1_600_000],
        ["d", 1],
      ] as const,
    },
    "three levels": { auth: [["x", 1]], key: many, meta: [["y", 2]] },
  };
  for (const [what, buckets] of Object.entries(cases)) {
    const file = await written(buckets);
    t.equal(file.length % pageBytes, 0, what);
    t.strictSame(readBack(file), buckets, what);
  }
});

test("law: any buckets are what is read back", async () => {
  const entries = fc
    .dictionary(fc.string({ minLength: 1, maxLength: 40 }), fc.nat({ max: 9000 }), { maxKeys: 60 })
    .map((sizes) => sortedKeys(Object.keys(sizes)).map((key) => [key, sizes[key]!] as const));
  const buckets = fc.record({ a: entries, b: entries, c: entries });
  await fc.assert(
    fc.asyncProperty(buckets, async (given) => {
      return JSON.stringify(readBack(await written(given))) === JSON.stringify(given);
    }),
    { numRuns: 50 },
  );
});

test("law: a damaged file is refused or read, nothing worse", async () => {
  const file = await written({ key: Array.from({ length: 3000 }, (_, i) => [`key${10_000 + i}`, 20]) });
  const damage = fc.array(fc.tuple(fc.nat({ max: file.length - 1 }), fc.nat({ max: 255 })), {
    minLength: 1,
    maxLength: 40,
  });
  const inPages = fc.tuple(damage, fc.nat({ max: file.length }), fc.boolean());
  fc.assert(
    fc.property(inPages, ([changes, cut, cuts]) => {
      const copy = Buffer.from(cuts ? file.subarray(0, cut) : file);
      for (const [at, byte] of changes) {
        // Most damage lies in heads and elements, not in the bytes of keys.
        const aimed = at % 2 === 0 ? at : at - (at % pageBytes) + (at % 64);
        if (aimed < copy.length) copy[aimed] = byte;
      }
      try {
        const found = new BboltFile(bytesOf(copy));
        for (const name of found.bucketNames) for (const _ of found.entries(name));
      } catch (error) {
        if (!(error instanceof BboltError)) throw error;
      }
    }),
    { numRuns: 500 },
  );
});

test("an older valid meta page is used when the newer one is damaged", async (t) => {
  const file = await written({ key: [["a", 3]] });
  for (const meta of [0, 1]) {
    const copy = Buffer.from(file);
    copy[meta * pageBytes + 40]! ^= 1;
    t.strictSame(readBack(copy), { key: [["a", 3]] }, `page ${meta}`);
    copy[(1 - meta) * pageBytes + 40]! ^= 1;
    t.throws(() => readBack(copy), BboltError);
  }
});

test("keys that do not ascend are a bug", async (t) => {
  await t.rejects(
    written({
      key: [
        ["b", 1],
        ["a", 1],
      ] as const,
    }),
    /ascend/,
  );
});
