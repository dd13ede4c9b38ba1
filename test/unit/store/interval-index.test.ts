/** The index of watchers against a plain list, while intervals come and go. */
import fc from "fast-check";
import { test } from "tap";
import { contains, type Interval } from "../../../src/store/interval.ts";
import { IntervalIndex } from "../../../src/store/watch/interval-index.ts";

const key = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 3 });
const interval: fc.Arbitrary<Interval> = fc.oneof(
  key.map((low) => ({ low, high: `${low}\0` })),
  key.map((low) => ({ low, high: null })),
  fc.tuple(key, key).map((pair) => {
    const [low, high] = pair.sort();
    return { low: low!, high: `${high}a` };
  }),
);
const operation = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant("add" as const), interval }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("remove" as const), at: fc.nat() }) },
);

test("stab finds exactly the intervals that contain the key", async () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60, size: "max" }), fc.array(key), (operations, keys) => {
      const index = new IntervalIndex<number>();
      const list: { interval: Interval; value: number }[] = [];
      operations.forEach((operation, value) => {
        if (operation.type === "add") {
          index.add(operation.interval, value);
          list.push({ interval: operation.interval, value });
        } else if (list.length > 0) {
          const [removed] = list.splice(operation.at % list.length, 1);
          index.remove(removed!.interval, removed!.value);
        }
      });
      if (index.size !== list.length) throw new Error("size differs");
      for (const key of keys) {
        const found: number[] = [];
        index.stab(key, (value) => found.push(value));
        const expected = list.filter((item) => contains(item.interval, key)).map((item) => item.value);
        const [left, right] = [found, expected].map((values) => values.sort((a, b) => a - b).join());
        if (left !== right) throw new Error(`${key}: found ${left}, expected ${right}`);
      }
    }),
    { numRuns: 500 },
  );
});
