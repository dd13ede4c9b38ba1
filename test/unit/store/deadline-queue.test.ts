/** The queue against a plain map, while deadlines move in both directions. */
import fc from "fast-check";
import { test } from "tap";
import { Instant, LeaseId } from "../../../src/base/ids.ts";
import { DeadlineQueue } from "../../../src/store/lease/deadline-queue.ts";

const operation = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant("set" as const), id: fc.nat(5), at: fc.nat(100) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("delete" as const), id: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("take" as const), at: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("clear" as const) }) },
);

test("the earliest is found, each once", async () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 300, size: "max" }), (operations) => {
      const queue = new DeadlineQueue();
      const model = new Map<LeaseId, number>();
      for (const each of operations) {
        if (each.type === "set") {
          queue.set(LeaseId(BigInt(each.id)), Instant(each.at));
          model.set(LeaseId(BigInt(each.id)), each.at);
        } else if (each.type === "delete") {
          queue.delete(LeaseId(BigInt(each.id)));
          model.delete(LeaseId(BigInt(each.id)));
        } else if (each.type === "clear") {
          queue.clear();
          model.clear();
        } else {
          const earliest = Math.min(...model.values());
          const id = queue.takeDue(Instant(each.at));
          if (id === null) {
            if (earliest <= each.at) throw new Error("something was due");
          } else {
            if (model.get(id) !== earliest || earliest > each.at) throw new Error("not the earliest");
            model.delete(id);
          }
        }
        const next = queue.next();
        const expected = model.size === 0 ? null : Math.min(...model.values());
        if (next !== expected) throw new Error(`next is ${next}, expected ${expected}`);
      }
    }),
    { numRuns: 500 },
  );
});
