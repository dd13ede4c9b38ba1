/** The keyspace against its model: every readable revision reads the same, whatever was compacted, restarted or flushed. */
import fc from "fast-check";
import { test } from "tap";
import { hashStore } from "../../../src/store/hash.ts";
import * as wire from "../../../src/store/wire/messages.ts";
import { modelStep, requestOf, StoreModel, stepModel } from "../../support/store-model.ts";
import { StoreWorld } from "../../support/store-world.ts";

const tiny = { recentBytesMax: 600, recentRevisionsMax: 3 };

function read(world: StoreWorld, revision: number): Map<string, string> {
  const request = wire.RangeRequest.create({ key: Buffer.from("a"), range_end: Buffer.from([0]), revision });
  return new Map(
    world.store
      .range(request)
      .kvs.map((kv) => [
        Buffer.from(kv.key).toString(),
        `${Buffer.from(kv.value)}@${kv.create_revision}.${kv.mod_revision}.${kv.version}`,
      ]),
  );
}

/** Between two steps: hand the batch over, do some of the waiting work, or start anew from the rows. */
const between = fc.constantFrom("nothing", "nothing", "flush", "pump", "restart");

function same(got: Map<string, string>, expected: Map<string, string>): void {
  const [left, right] = [got, expected].map((map) => JSON.stringify([...map]));
  if (left !== right) throw new Error(`read ${left}, expected ${right}`);
}

test("every readable revision equals the model's", async () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(modelStep, between), { maxLength: 60, size: "max" }), (steps) => {
      let world = new StoreWorld(tiny);
      const model = new StoreModel();
      for (const [step, then] of steps) {
        const { kind, request } = requestOf(step, model);
        world.apply(kind, request as never);
        stepModel(step, model);
        if (then === "flush") world.flush();
        else if (then === "pump") world.pump(1);
        else if (then === "restart") world = world.restarted(tiny);
        if (world.store.revision !== model.revision) throw new Error("revision differs");
        if (world.store.compactRevision !== model.compactRevision)
          throw new Error("compact revision differs");
      }
      world.flush();
      for (let revision = Math.max(1, model.compactRevision); revision <= model.revision; revision++) {
        same(read(world, revision), model.at(revision));
      }
      const unfinished = hashStore(world.store);
      world.pumpAll(2);
      same(read(world, 0), model.at(model.revision));
      const again = world.restarted();
      if (hashStore(again.store) !== unfinished) throw new Error("hash differs after compaction and restart");
      again.pumpAll();
      if (hashStore(again.store) !== unfinished) throw new Error("hash differs after the resumed compaction");
    }),
    { numRuns: 300 },
  );
});

test("compaction leaves as many rows as the index needs", async (t) => {
  const world = new StoreWorld();
  const put = (key: string): void => {
    world.done("put", wire.PutRequest.create({ key: Buffer.from(key) }));
  };
  for (let round = 0; round < 50; round++) for (const key of ["a", "b", "c"]) put(key);
  world.done("delete-range", wire.DeleteRangeRequest.create({ key: Buffer.from("a") }));
  put("d");
  world.flush();
  t.equal(world.records.size, 152);
  world.done("compact", wire.CompactionRequest.create({ revision: world.store.revision }));
  t.ok(world.pump(10), "it takes several slices");
  t.ok(world.store.compactionFinished < world.store.compactRevision);
  world.pumpAll(10);
  t.equal(world.store.compactionFinished, world.store.compactRevision);
  t.equal(world.records.size, 3 + 1, "b, c, d and the row that says how far compaction is");
});

test("rows that cannot be read are refused", async (t) => {
  const cases: [string, Buffer, Buffer][] = [
    ["unknown table", Buffer.from([0x55, 1]), Buffer.from([])],
    ["unknown meta row", Buffer.from("\x01what", "latin1"), Buffer.from([])],
    ["damaged change", Buffer.concat([Buffer.from([0x10]), Buffer.alloc(16)]), Buffer.from([0x0a, 0xff])],
  ];
  for (const [what, key, value] of cases) {
    const world = new StoreWorld();
    t.throws(() => world.store.load([[key, value]]), { name: "RowError" }, what);
  }
});
