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
          if (kind === 0 && index.live(key) !== null) {
            // What a wide delete does: neighbours go together, in one revision.
            const names = index.names({ low: key, high: `${key}\u00ff` });
            index.tombstones(names, { main, sub: 0 });
            for (const each of names) model.get(each)!.push(-main);
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
        samePlaces(index, model, compacted, main);
        const again = restored(index, model);
        samePlaces(again, model, compacted, main);
        ask(again, model, questions, compacted, main);
        if (again.bytes !== index.bytes) throw new Error("the account differs after a restart");
      },
    ),
    { numRuns: 150 },
  );
});

/** Every key at every readable revision, and what it is at present. */
function samePlaces(index: KeyIndex, model: Model, from: number, to: number): void {
  for (const [key, changes] of model) {
    for (const main of [from, ...changes.map(Math.abs).filter((main) => main > from)]) {
      const last = changes.filter((each) => Math.abs(each) <= main).at(-1) ?? -1;
      const place = index.at(key, main)?.main ?? null;
      if (place !== (last > 0 ? last : null)) throw new Error(`${key} at ${main}: ${place}, not ${last}`);
    }
    const now = lifeOf(changes, changes.length - 1);
    const live = index.live(key);
    if ((live === null) !== (now === null)) throw new Error(`${key} at ${to}: there or not?`);
    if (now && (live!.created !== now.created || live!.version !== now.version))
      throw new Error("wrong life");
  }
}

/** The generation that the change at `at` belongs to; null for a tombstone. */
function lifeOf(changes: readonly number[], at: number): { created: number; version: number } | null {
  if (changes[at]! < 0) return null;
  const start = changes.findLastIndex((main, i) => i < at && main < 0) + 1;
  return { created: changes[start]!, version: at - start + 1 };
}

/** From the rows that are left, in the order of history, as at a start. */
function restored(index: KeyIndex, model: Model): KeyIndex {
  const rows: { name: string; main: number; sub: number }[] = [];
  index.forEachKept(0, (name, main, sub) => rows.push({ name, main, sub }));
  rows.sort((left, right) => left.main - right.main || left.sub - right.sub);
  const again = new KeyIndex();
  for (const { name, main, sub } of rows) {
    const changes = model.get(name)!;
    const at = changes.findIndex((each) => Math.abs(each) === main);
    const life = lifeOf(changes, at);
    const mark = { main, sub, valueBytes: life ? 1 : 0 };
    again.restore(name, mark, { ...(life ?? { created: 0, version: 0 }), deleted: !life });
  }
  return again;
}

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

test("keys deleted together are each deleted", async () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(name, { maxLength: 600, size: "max" }),
      fc.infiniteStream(fc.boolean()),
      (keys, choices) => {
        const index = new KeyIndex();
        for (const [sub, key] of keys.entries()) index.put(key, { main: 2, sub, valueBytes: 1 });
        const deleted = keys.filter(() => choices.next().value).sort();
        index.tombstones(deleted, { main: 3, sub: 5 });
        if (index.liveKeys !== keys.length - deleted.length)
          throw new Error(`${index.liveKeys} keys are live`);
        const marks: string[] = [];
        index.forEachKept(2, (key, main, sub) => main === 3 && marks.push(`${key} ${sub}`));
        const expected = deleted.map((key, i) => `${key} ${5 + i}`);
        if (marks.join() !== expected.join()) throw new Error(`${marks} instead of ${expected}`);
        for (const key of keys) {
          if ((index.live(key) === null) !== deleted.includes(key))
            throw new Error(`${key} is not as it was left`);
        }
      },
    ),
    { numRuns: 100 },
  );
});
