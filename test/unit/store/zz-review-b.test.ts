import fc from "fast-check";
import { test } from "tap";
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
test("mid-pass", async () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(modelStep, fc.nat(4), fc.nat(3), fc.boolean()), { maxLength: 60, size: "max" }), (steps) => {
      let eager = new StoreWorld();
      const lazy = new StoreWorld();
      const model = new StoreModel();
      for (const [step, slices, budget, restart] of steps) {
        const { kind, request } = requestOf(step, model);
        for (const world of [eager, lazy]) world.apply(kind, request as never);
        for (let i = 0; i < slices; i++) eager.pump(budget + 1);
        if (restart) eager = slices % 2 ? eager.restarted() : eager.copied();
        stepModel(step, model);
        for (let revision = Math.max(1, model.compactRevision); revision <= model.revision; revision++) {
          const [one, other] = [hash(eager, revision), hash(lazy, revision)];
          if (one !== other) throw new Error(`at ${revision}: ${one} and ${other}`);
        }
      }
    }),
    { numRuns: 1500 },
  );
});
