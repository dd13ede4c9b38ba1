/** HashKV (etcd.md 4.7): the same on members that have come differently far with reclaiming. test/compat has etcd's opinion. */
import fc from "fast-check";
import { test } from "tap";
import * as wire from "../../../src/store/wire/messages.ts";
import { modelStep, requestOf, StoreModel, stepModel } from "../../support/store-model.ts";
import { StoreWorld } from "../../support/store-world.ts";

function hash(world: StoreWorld, revision: number): string {
  world.flush();
  const hasher = world.store.hashKv(revision);
  for (const row of world.records.rows()) hasher.add([row]);
  const digest = hasher.digest();
  hasher.close();
  return JSON.stringify(digest);
}

test("members agree at every revision, whatever they have reclaimed", async () => {
  fc.assert(
    fc.property(fc.array(modelStep, { maxLength: 40, size: "max" }), (steps) => {
      const [eager, lazy] = [new StoreWorld(), new StoreWorld()];
      const model = new StoreModel();
      for (const step of steps) {
        const { kind, request } = requestOf(step, model);
        for (const world of [eager, lazy]) world.apply(kind, request as never);
        eager.pumpAll(3);
        stepModel(step, model);
      }
      for (let revision = Math.max(1, model.compactRevision); revision <= model.revision; revision++) {
        const [one, other] = [hash(eager, revision), hash(lazy, revision)];
        if (one !== other) throw new Error(`at ${revision}: ${one} and ${other}`);
        if (hash(eager.restarted(), revision) !== one) throw new Error("a restart changes it");
      }
    }),
    { numRuns: 150 },
  );
});

test("members agree amid a compaction, and after a restart or a snapshot amid one", async () => {
  const phase = fc.record({ slices: fc.nat(4), budget: fc.integer({ min: 1, max: 4 }), restart: fc.nat(9) });
  fc.assert(
    fc.property(fc.array(fc.tuple(modelStep, phase), { maxLength: 40, size: "max" }), (steps) => {
      const lazy = new StoreWorld();
      let eager = new StoreWorld();
      const model = new StoreModel();
      for (const [step, { slices, budget, restart }] of steps) {
        const { kind, request } = requestOf(step, model);
        for (const world of [eager, lazy]) world.apply(kind, request as never);
        for (let i = 0; i < slices; i++) eager.pump(budget);
        if (restart === 0) eager = eager.restarted();
        if (restart === 1) eager = eager.copied();
        stepModel(step, model);
        for (const revision of [Math.max(1, model.compactRevision), model.revision]) {
          const [one, other] = [hash(eager, revision), hash(lazy, revision)];
          if (one !== other) throw new Error(`at ${revision}: ${one} and ${other}`);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test("what is refused, and what goes on meanwhile", async (t) => {
  const world = new StoreWorld();
  const put = (key: string): void =>
    void world.done("put", wire.PutRequest.create({ key: Buffer.from(key), value: Buffer.from(key) }));
  for (const key of ["a", "b", "a", "c"]) put(key);
  t.equal(hash(world, 0), hash(world, 5), "0 is the present");
  t.not(hash(world, 4), hash(world, 5));
  t.throws(() => world.store.hashKv(6), { message: "kv.future-revision" });
  const expected = hash(world, 5);
  const hasher = world.store.hashKv(5);
  const rows = world.records.rows();
  hasher.add(rows.slice(0, 2));
  put("a");
  world.done("compact", wire.CompactionRequest.create({ revision: 6 }));
  world.pumpAll();
  hasher.add(rows.slice(2));
  t.equal(JSON.stringify(hasher.digest()), expected, "changes and compactions meanwhile do not count");
  hasher.close();
  world.pumpAll();
  t.equal(world.store.compactionFinished, 6);
  t.throws(() => world.store.hashKv(5), { message: "kv.compacted" });
});
