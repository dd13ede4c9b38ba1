/** The key index as a tree: against a plain list of keys, at sizes at which leaves and branches split, shrink and vanish. */
import fc from "fast-check";
import { test } from "tap";
import { KeyIndex } from "../../../src/store/mvcc/key-index.ts";

/** What is known of a key: main revisions of its changes; negative is a tombstone. */
type Model = Map<string, number[]>;

function existed(changes: readonly number[], revision: number): boolean {
  const last = changes.filter((main) => Math.abs(main) <= revision).at(-1);
  return last !== undefined && last > 0;
}

const name = fc
  .tuple(fc.constantFrom("", "/pods/", "/pods/a", "/pods/\u00ff", "\0"), fc.nat({ max: 400 }))
  .map(([prefix, number]) => `${prefix}${number}`);
const edge = fc.option(name, { nil: null });

test("counts, walks and parts of both agree with a list", async () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, fc.integer({ min: 0, max: 3 })), { maxLength: 900, size: "max" }),
      fc.array(fc.tuple(name, edge, fc.double({ min: 0, max: 1, noNaN: true })), {
        minLength: 8,
        maxLength: 8,
      }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (steps, questions, compactAt) => {
        const index = new KeyIndex();
        const model: Model = new Map();
        let main = 1;
        for (const [key, kind] of steps) {
          main += 1;
          if (index.live(key) !== null && kind === 0) {
            index.tombstone(key, { main, sub: 0 });
            model.get(key)!.push(-main);
          } else {
            index.put(key, { main, sub: 0, valueBytes: 1 });
            model.set(key, [...(model.get(key) ?? []), main]);
          }
        }
        ask(index, model, questions, 0, main);
        const compacted = Math.floor(compactAt * main);
        for (let cursor: string | null = index.compact(compacted, null, 7, () => {}); cursor !== null; )
          cursor = index.compact(compacted, cursor, 7, () => {});
        ask(index, model, questions, compacted, main);
      },
    ),
    { numRuns: 150 },
  );
});

function ask(
  index: KeyIndex,
  model: Model,
  questions: readonly [string, string | null, number][],
  from: number,
  to: number,
): void {
  const live = [...model.values()].filter((changes) => existed(changes, to)).length;
  if (index.liveKeys !== live) throw new Error(`${index.liveKeys} keys are live, not ${live}`);
  for (const [low, high, at] of questions) {
    const revision = from + Math.floor(at * (to - from));
    const interval = { low, high };
    const expected = [...model]
      .filter(([key, changes]) => key >= low && (high === null || key < high) && existed(changes, revision))
      .map(([key]) => key)
      .sort();
    const seen: string[] = [];
    index.walk(interval, revision, (key) => seen.push(key) > 0);
    if (seen.join() !== expected.join()) throw new Error(`walked ${seen}, expected ${expected}`);
    if (index.count(interval, revision) !== expected.length) throw new Error("count differs");
    let sum = 0;
    for (let next: string | null = low; next !== null; ) {
      const part = index.countSome({ low: next, high }, revision, 50);
      sum += part.count;
      next = part.resume;
    }
    if (sum !== expected.length) throw new Error(`counted ${sum} in parts, expected ${expected.length}`);
    let taken = 0;
    for (let next: string | null = low; next !== null; )
      next = index.walkSome({ low: next, high }, revision, 5, () => ++taken % 3 !== 0);
    if (taken !== expected.length) throw new Error(`walked ${taken} in parts, expected ${expected.length}`);
  }
}

test("many keys, in order and in disorder, and none at the end", async (t) => {
  for (const order of [(i: number) => i, (i: number) => (i * 7919) % 20_000, (i: number) => 20_000 - i]) {
    const index = new KeyIndex();
    for (let i = 0; i < 20_000; i++) {
      index.put(`/registry/pods/${String(order(i)).padStart(6, "0")}`, {
        main: i + 2,
        sub: 0,
        valueBytes: 10,
      });
    }
    t.equal(index.size, 20_000);
    t.equal(index.count({ low: "", high: null }, 20_001), 20_000);
    t.equal(index.count({ low: "", high: null }, 10_001), 10_000);
    const each = index.bytes / 20_000;
    t.ok(Number.isInteger(each) && each > 10 + 21, "every row is accounted for alike");
    const names: string[] = [];
    index.walk({ low: "", high: null }, 30_000, (key) => names.push(key) > 0);
    for (const [i, key] of names.entries()) index.tombstone(key, { main: 30_000 + i, sub: 0 });
    t.equal(index.liveKeys, 0);
    index.compact(60_000, null, Number.MAX_SAFE_INTEGER, () => {});
    t.same([index.size, index.bytes], [0, 0], "nothing is left, and nothing is accounted for");
    index.put("again", { main: 70_000, sub: 0, valueBytes: 0 });
    t.equal(index.count({ low: "", high: null }, 70_000), 1);
  }
});
