import { test } from "tap";
import { Registry, registryKeys } from "../../../src/units/registry.ts";

test("after which revision no unit was taken from a machine", async (t) => {
  const registry = new Registry();
  const release = (unit: string, machine: string, revision: number) => ({
    key: registryKeys.release(unit),
    value: machine,
    revision,
  });
  const seen = (): number[] => ["m1", "m2"].map((machine) => registry.lastReleaseFrom(machine));
  t.strictSame(seen(), [0, 0]);
  registry.reset([release("a.service", "m1", 5)], 20);
  t.strictSame(seen(), [20, 20], "one that was settled before the list is not in it");
  registry.apply([release("b.service", "m2", 21)], 21);
  t.strictSame(seen(), [20, 21]);
  registry.apply([{ key: registryKeys.release("b.service"), value: null, revision: 22 }], 22);
  t.strictSame(seen(), [20, 21], "settled, and still to be acted on");
  registry.reset([], 30);
  t.strictSame(seen(), [30, 30]);
});
