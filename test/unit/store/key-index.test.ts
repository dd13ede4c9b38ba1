/** The worked example at the head of key-index.ts, and the marks that compaction names. */
import { test } from "tap";
import { KeyIndex } from "../../../src/store/mvcc/key-index.ts";

/** put 2, put 5, delete 6, put 8. */
function example(): KeyIndex {
  const index = new KeyIndex();
  index.put("k", { main: 2, sub: 0, valueBytes: 1 });
  index.put("k", { main: 5, sub: 0, valueBytes: 1 });
  index.tombstone("k", { main: 6, sub: 0 });
  index.put("k", { main: 8, sub: 0, valueBytes: 1 });
  return index;
}

test("where a key is at each revision", async (t) => {
  const index = example();
  const cases: [number, number | null][] = [
    [1, null],
    [2, 2],
    [4, 2],
    [5, 5],
    [6, null],
    [7, null],
    [8, 8],
    [9, 8],
  ];
  for (const [revision, main] of cases)
    t.equal(index.at("k", revision)?.main ?? null, main, `at ${revision}`);
  t.strictSame(index.live("k"), { main: 8, sub: 0, created: 8, version: 1 });
});

test("what a compaction drops, and what can still be read", async (t) => {
  const cases: [number, number[], number[]][] = [
    [1, [], [2, 5, 6, 8]],
    [2, [], [2, 5, 6, 8]],
    [5, [2], [5, 6, 8]],
    [6, [2, 5], [6, 8]],
    [7, [2, 5, 6], [8]],
    [8, [2, 5, 6], [8]],
    [9, [2, 5, 6], [8]],
  ];
  for (const [revision, expected, kept] of cases) {
    const index = example();
    const left: number[] = [];
    index.forEachKept(revision, (_name, main) => left.push(main));
    const dropped: number[] = [];
    t.equal(
      index.compact(revision, null, 10, (main) => dropped.push(main)),
      null,
      "one slice is enough",
    );
    t.strictSame(dropped, expected, `compact ${revision} drops, oldest first`);
    t.strictSame(left.sort(), kept, `compact ${revision} keeps`);
    const remaining: number[] = [];
    index.forEachKept(0, (_name, main) => remaining.push(main));
    t.strictSame(remaining.sort(), kept, "what it foretold");
  }
});

test("a key that is only a tombstone disappears with it", async (t) => {
  const index = new KeyIndex();
  index.put("a", { main: 2, sub: 0, valueBytes: 1 });
  index.tombstone("a", { main: 3, sub: 0 });
  index.put("b", { main: 4, sub: 0, valueBytes: 1 });
  index.compact(3, null, 10, () => {});
  t.equal(index.size, 2, "at exactly its revision it stays");
  index.compact(4, null, 10, () => {});
  t.equal(index.size, 1);
});

test("slices go on where the last one ended", async (t) => {
  const index = new KeyIndex();
  for (const name of ["a", "b", "c"]) {
    index.put(name, { main: 2, sub: 0, valueBytes: 1 });
    index.put(name, { main: 3, sub: 0, valueBytes: 1 });
  }
  const dropped: number[] = [];
  const drop = (main: number): void => void dropped.push(main);
  t.equal(index.compact(3, null, 2, drop), "b");
  t.equal(dropped.length, 2);
  t.equal(index.compact(3, "b", 2, drop), null);
  t.equal(dropped.length, 3);
});
