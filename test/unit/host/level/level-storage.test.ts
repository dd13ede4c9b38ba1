import { spawnSync } from "node:child_process";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "tap";
import { Index } from "../../../../src/base/ids.ts";
import { LevelError } from "../../../../src/host/level/errors.ts";
import { LevelStorage } from "../../../../src/host/level/level-storage.ts";
import { collect, del, dump, meta, openLevel, pieces, put, read, rowOf, run } from "./support.ts";

test("law: get equals a model while batches are in flight", async (t) => {
  const root = t.testdir();
  let run = 0;
  const name = fc.constantFrom("a", "b", "c", "d", "");
  const write = fc.oneof(fc.tuple(name, fc.string({ maxLength: 3 })), fc.tuple(name, fc.constant(null)));
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.array(write, { maxLength: 4 }) },
    { weight: 1, arbitrary: fc.constantFrom("turn" as const, "flush" as const, "reopen" as const) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const path = join(root, String(run++));
      let storage = await openLevel(path);
      const model = new Map<string, string>();
      let index = 0;
      for (const one of steps) {
        if (one === "turn") await new Promise((resolve) => setImmediate(resolve));
        else if (one === "flush") t.equal(await storage.flush(), index);
        else if (one === "reopen") {
          await storage.close();
          storage = await openLevel(path);
          t.equal(storage.appliedIndex, index);
        } else {
          for (const [row, value] of one) {
            if (value === null) model.delete(row);
            else model.set(row, value);
          }
          storage.write(
            one.map(([row, value]) => (value === null ? del(row) : put(row, value))),
            Index(++index),
          );
        }
        for (const row of ["a", "b", "c", "d", ""]) {
          if (read(storage, row) !== model.get(row)) return false;
        }
      }
      const rows = await dump(storage);
      await storage.close();
      return (
        rows.join() ===
        [...model]
          .sort()
          .map(([row, value]) => `${row}=${value}`)
          .join()
      );
    }),
    { numRuns: 40 },
  );
});

test("rows of a run are read and written like others, in flight and later", async (t) => {
  const storage = await openLevel(t.testdir());
  const values = Array.from({ length: 200 }, (_, i) => `v${i}`);
  storage.write([put("before", "1"), run("r", values), del(rowOf("r", 7)), run("s", ["only"])], Index(1));
  const check = (what: string): void => {
    t.equal(read(storage, rowOf("r", 0)), "v0", what);
    t.equal(read(storage, rowOf("r", 199)), "v199", what);
    t.equal(read(storage, rowOf("r", 200)), undefined, `${what}: behind its end`);
    t.equal(read(storage, rowOf("r", 7)), undefined, `${what}: removed by a later write of the batch`);
    t.equal(read(storage, rowOf("s", 0)), "only", what);
    t.equal(read(storage, "r"), undefined, `${what}: the prefix is no row`);
  };
  check("queued");
  t.ok(storage.pendingBytes >= 201, "it counts while it waits");
  const flushed = storage.flush();
  await Promise.resolve();
  // While level has the run: a row of it goes.
  storage.write([del(rowOf("r", 8))], Index(2));
  check("being written");
  t.equal(read(storage, rowOf("r", 8)), undefined);
  await flushed;
  await storage.flush();
  check("written");
  t.equal(read(storage, rowOf("r", 8)), undefined);
  t.equal(storage.pendingBytes, 0);
  t.equal((await dump(storage)).length, 200);
  await storage.close();
});

test("batches with the same applied index are written too", async (t) => {
  const path = join(t.testdir(), "db");
  const storage = await openLevel(path);
  storage.write([put("a", "1")], Index(0));
  t.equal(await storage.flush(), 0);
  storage.write([put("b", "2")], Index(0));
  await storage.close();
  const again = await openLevel(path);
  t.strictSame(await dump(again), ["a=1", "b=2"]);
  await again.close();
});

test("drained waits while too much is queued", async (t) => {
  const storage = await openLevel(join(t.testdir(), "db"), 1000);
  await storage.drained();
  for (let index = 1; index <= 20; index++) storage.write([put(`k${index}`, "v".repeat(100))], Index(index));
  t.ok(storage.pendingBytes > 1000);
  await storage.drained();
  t.ok(storage.pendingBytes <= 1000);
  t.equal(await storage.flush(), 20);
  t.equal(storage.pendingBytes, 0);
  await storage.close();
  t.throws(() => storage.write([], Index(21)), { code: "storage.closed" });
});

test("a second process on the same database is refused", async (t) => {
  const path = join(t.testdir(), "db");
  const storage = await openLevel(path);
  const script = `import { openLevel } from ${JSON.stringify(join(import.meta.dirname, "support.ts"))};
    await openLevel(process.argv[1]).then(() => console.log("opened"), (error) => console.log(error.code));`;
  const child = spawnSync(process.execPath, ["--input-type=module", "--eval", script, path], {
    encoding: "utf8",
  });
  t.equal(child.stdout.trim(), "level.locked", child.stderr);
  await storage.close();
});

test("a snapshot stream, taken while writes go on, is the state at its index", async (t) => {
  const root = t.testdir();
  const storage = await openLevel(join(root, "db"));
  const rows = (generation: number): string[] =>
    Array.from({ length: 3000 }, (_, i) => `k${String(i).padStart(5, "0")}=${generation}`).sort();
  const writeAll = (generation: number): void =>
    storage.write(
      Array.from({ length: 3000 }, (_, i) => put(`k${String(i).padStart(5, "0")}`, String(generation))),
      Index(generation),
    );
  writeAll(1);
  const { appliedIndex, chunks } = await storage.snapshotChunks();
  t.equal(appliedIndex, 1);
  let generation = 1;
  const stream: Uint8Array[] = [];
  for await (const chunk of chunks) {
    stream.push(chunk);
    writeAll(++generation);
    await storage.flush();
  }
  t.ok(generation > 4, "several writes happened during the stream");
  const received = await LevelStorage.receive(
    { path: join(root, "received"), meta: meta(1) },
    pieces(Buffer.concat(stream), 1000),
  );
  t.equal(received.rows, 3000);
  const copy = await openLevel(join(root, "received"));
  t.strictSame(await dump(copy), rows(1));
  t.equal(copy.appliedIndex, 1);
  t.strictSame(copy.received, meta(1));
  copy.write([put("later", "x")], Index(2));
  await copy.close();
  const again = await openLevel(join(root, "received"));
  t.strictSame(again.received, meta(1), "writing keeps what it was received with");
  await again.close();
  await storage.close();
});

test("a stream that was cut, altered, reordered or stands elsewhere is refused", async (t) => {
  const root = t.testdir();
  const storage = await openLevel(join(root, "db"));
  storage.write(
    Array.from({ length: 30 }, (_, i) => put(`k${i}`, `value ${i}`)),
    Index(5),
  );
  const whole = await collect((await storage.snapshotChunks()).chunks);
  await storage.close();
  let run = 0;
  const receive = (bytes: Buffer, index = 5) =>
    LevelStorage.receive({ path: join(root, `r${run++}`), meta: meta(index) }, pieces(bytes, 64));
  t.equal((await receive(whole)).rows, 30);
  await t.rejects(receive(whole, 6), { code: "level.stream-damaged" });
  await t.rejects(receive(Buffer.concat([whole, Buffer.from("x")])), { code: "level.stream-damaged" });
  for (let at = 0; at < whole.length; at += 7) {
    const flipped = Buffer.from(whole);
    flipped[at]! ^= 4;
    for (const bytes of [whole.subarray(0, at), flipped]) {
      const error = await receive(bytes).then(
        () => null,
        (caught) => caught,
      );
      if (!(error instanceof LevelError) || error.code !== "level.stream-damaged")
        t.fail(`byte ${at}: ${error}`);
    }
  }
});
