import fs from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "tap";
import { ClusterId, Index, MemberId, Term } from "../../../../src/base/ids.ts";
import { realDisk } from "../../../../src/host/wal/disk.ts";
import { StorageError, WalError } from "../../../../src/host/wal/errors.ts";
import {
  batch,
  contents,
  entry,
  metadata,
  openWal,
  reopen,
  segmentPaths,
  snapshot,
  story,
} from "./support.ts";

test("a new log is empty, and what was appended comes back", async (t) => {
  const directory = join(t.testdir(), "wal");
  const { wal, recovered } = await openWal(directory);
  t.match(recovered, { hardState: { term: 0, vote: null, commit: 0 }, snapshot: { index: 0 }, entries: [] });
  await wal.append({
    hardState: { term: Term(3), vote: MemberId(0xffff_ffff_ffff_fff0n), commit: Index(1) },
    entries: [entry(1, 3), { ...entry(2, 3), type: "empty", data: Buffer.alloc(0) }],
    sync: true,
  });
  await wal.append(batch({ ...entry(3, 3), type: "configuration" }));
  await wal.close();
  const again = await reopen(directory);
  t.strictSame(again.hardState, { term: 3, vote: 0xffff_ffff_ffff_fff0n, commit: 1 });
  t.strictSame(again.entries, [
    entry(1, 3),
    { ...entry(2, 3), type: "empty", data: Buffer.alloc(0) },
    { ...entry(3, 3), type: "configuration" },
  ]);
  t.equal(again.repaired, null);
  t.ok(again.bytes > 0);
});

test("entries behind the last one replace the tail", async (t) => {
  const directory = join(t.testdir(), "wal");
  const { wal } = await openWal(directory);
  await wal.append(batch(entry(1), entry(2), entry(3)));
  await wal.append(batch(entry(2, 2)));
  await wal.close();
  t.equal(story((await reopen(directory)).entries), "1@1 2@2");
});

test("a commit without sync rides along with the next write, and with close", async (t) => {
  const directory = join(t.testdir(), "wal");
  const { wal } = await openWal(directory);
  await wal.append(batch(entry(1), entry(2)));
  const before = contents(directory);
  await wal.append({ hardState: { term: Term(1), vote: null, commit: Index(2) }, entries: [], sync: false });
  t.strictSame(contents(directory), before, "nothing is written for a commit alone");
  await wal.close();
  t.equal((await reopen(directory)).hardState.commit, 2);
});

for (const [given, meta, expected] of [
  ["inside the log", snapshot(2, 1), "3@1 4@1"],
  ["at its end", snapshot(4, 1), ""],
  ["ahead of it", snapshot(9, 2), ""],
  ["of another history", snapshot(3, 2), ""],
] as const) {
  test(`a snapshot ${given} leaves [${expected}]`, async (t) => {
    const directory = join(t.testdir(), "wal");
    const { wal } = await openWal(directory);
    await wal.append(batch(entry(1), entry(2), entry(3), entry(4)));
    await wal.recordSnapshot(meta);
    t.equal(wal.bytesSinceSnapshot, 0);
    await wal.close();
    const recovered = await reopen(directory);
    t.strictSame(recovered.snapshot, meta);
    t.equal(story(recovered.entries), expected);
    t.ok(recovered.hardState.commit >= meta.index);
    const next = await openWal(directory);
    const last = meta.index + recovered.entries.length;
    await next.wal.append(batch(entry(last + 1, 2)));
    await next.wal.close();
    t.equal((await reopen(directory)).entries.at(-1)?.index, last + 1);
  });
}

test("segments rotate, and go once a snapshot covers them", async (t) => {
  const directory = join(t.testdir(), "wal");
  const { wal } = await openWal(directory);
  const data = "x".repeat(900);
  for (let index = 1; index <= 60; index++) await wal.append(batch(entry(index, 1, data)));
  const before = segmentPaths(directory).length;
  t.ok(before > 5);
  await wal.append(batch(entry(61, 1, "y".repeat(20_000))));
  await wal.recordSnapshot(snapshot(40));
  t.ok(segmentPaths(directory).length < before, "covered segments are gone");
  await wal.close();
  const recovered = await reopen(directory);
  t.equal(recovered.entries[0]?.index, 41);
  t.equal(recovered.entries.at(-1)?.data.length, 20_000);
  const { wal: again } = await openWal(directory);
  await again.recordSnapshot(snapshot(61));
  await again.append(batch(entry(62)));
  await again.close();
  t.equal(story((await reopen(directory)).entries), "62@1");
});

test("law: the log replays to what a model says", async (t) => {
  const root = t.testdir();
  let run = 0;
  const step = fc.oneof(
    fc.record({
      type: fc.constant("append" as const),
      back: fc.nat(3),
      count: fc.integer({ min: 1, max: 5 }),
      size: fc.nat(1500),
    }),
    fc.record({ type: fc.constant("snapshot" as const), keep: fc.nat(4) }),
    fc.record({ type: fc.constant("reopen" as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const directory = join(root, `run-${run++}`);
      let { wal } = await openWal(directory);
      let model = { snapshot: 0, terms: [] as number[] };
      let term = 1;
      for (const one of steps) {
        if (one.type === "append") {
          const keep = Math.max(0, model.terms.length - one.back);
          if (keep < model.terms.length) term++;
          const first = model.snapshot + keep + 1;
          const added = Array.from({ length: one.count }, (_, i) =>
            entry(first + i, term, "d".repeat(one.size)),
          );
          await wal.append(batch(...added));
          model = { ...model, terms: [...model.terms.slice(0, keep), ...added.map(() => term)] };
        } else if (one.type === "snapshot") {
          const covered = Math.max(0, model.terms.length - one.keep);
          if (covered === 0) continue;
          await wal.recordSnapshot(snapshot(model.snapshot + covered, model.terms[covered - 1]));
          model = { snapshot: model.snapshot + covered, terms: model.terms.slice(covered) };
        } else {
          await wal.close();
          ({ wal } = await openWal(directory));
        }
      }
      await wal.close();
      const recovered = await reopen(directory);
      const expected = model.terms.map((of, i) => `${model.snapshot + i + 1}@${of}`).join(" ");
      fs.rmSync(directory, { recursive: true });
      return story(recovered.entries) === expected && recovered.snapshot.index === model.snapshot;
    }),
    { numRuns: 60 },
  );
});

test("overlapping appends are written in order", async (t) => {
  const directory = join(t.testdir(), "wal");
  const { wal } = await openWal(directory);
  await Promise.all(Array.from({ length: 50 }, (_, i) => wal.append(batch(entry(i + 1)))));
  await wal.close();
  t.equal((await reopen(directory)).entries.length, 50);
});

for (const [name, fail] of [
  ["a failed write", () => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" }))],
  ["a short write", async () => 7],
] as const) {
  test(`${name} is the end of the log object`, async (t) => {
    const directory = join(t.testdir(), "wal");
    let healthy = true;
    const disk: typeof realDisk = { write: (...args) => (healthy ? realDisk.write(...args) : fail()) };
    const { wal } = await openWal(directory, { disk });
    await wal.append(batch(entry(1)));
    healthy = false;
    const first = wal.append(batch(entry(2)));
    const second = wal.append(batch(entry(3)));
    await t.rejects(first, { code: "storage.write-failed" });
    await t.rejects(second, { code: "storage.write-failed" });
    healthy = true;
    await t.rejects(wal.append(batch(entry(2))), StorageError, "never tried again on this descriptor");
    await wal.close();
    await t.rejects(wal.append(batch(entry(2))), { code: "storage.closed" });
    t.equal(story((await reopen(directory)).entries), "1@1");
  });
}

test("a gap is a bug of the caller", async (t) => {
  const { wal } = await openWal(join(t.testdir(), "wal"));
  await t.rejects(wal.append(batch(entry(2))), { name: "AssertionFailure" });
  await wal.close();
});

test("a log of another cluster or member is refused and left alone", async (t) => {
  const directory = join(t.testdir(), "wal");
  const { wal } = await openWal(directory);
  await wal.append(batch(entry(1)));
  await wal.close();
  const before = contents(directory);
  for (const foreign of [
    { ...metadata, clusterId: ClusterId(7n) },
    { ...metadata, memberId: MemberId(7n) },
  ]) {
    const error = await openWal(directory, { metadata: foreign }).catch((caught) => caught);
    t.type(error, WalError);
    t.equal(error.code, "wal.foreign");
    t.match(error.message, directory);
  }
  t.strictSame(contents(directory), before);
});
