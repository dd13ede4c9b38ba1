/** The sort in steps: stable, and never long between two yields. */
import fc from "fast-check";
import { test } from "tap";
import { finish, sortSteps } from "../../../src/store/steps.ts";

test("law: it sorts as the stable sort of the language does", async () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50), { maxLength: 6000, size: "max" }), (numbers) => {
      const items = numbers.map((by, place) => ({ by, place }));
      const expected = [...items].sort((left, right) => left.by - right.by);
      const sorted = finish(sortSteps(items, (left, right) => left.by - right.by));
      return sorted.length === expected.length && sorted.every((item, i) => item === expected[i]);
    }),
    { numRuns: 30 },
  );
});

test("no step compares more than a few thousand times", async (t) => {
  const items = Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 100_003);
  let compared = 0;
  let most = 0;
  const steps = sortSteps(items, (left, right) => {
    compared += 1;
    return left - right;
  });
  for (let done = false; !done; compared = 0) {
    done = steps.next().done === true;
    most = Math.max(most, compared);
  }
  t.ok(most <= 6000, `${most} at once`);
});
