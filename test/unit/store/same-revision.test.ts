/**
 * One txn may put a key and delete it, in either order: etcd takes a deleted interval without an end as it is written when it
 * looks for duplicates, so [key, no end) never meets a put (the suite of test/compat has etcd's word for it). Both changes are
 * history of one revision, which reads, watches, compaction and a restart have to stand.
 */
import fc from "fast-check";
import { test } from "tap";
import { hashStore } from "../../../src/store/hash.ts";
import * as wire from "../../../src/store/wire/messages.ts";
import { StoreWorld } from "../../support/store-world.ts";

const names = ["a", "b", "c"];

interface Step {
  /** "x": puts it; "X": deletes everything from it on. */
  readonly operations: readonly string[];
  readonly next: "nothing" | "compact" | "pump" | "restart";
}

const step: fc.Arbitrary<Step> = fc.record({
  // No key is put twice, deletes are free.
  operations: fc
    .tuple(fc.uniqueArray(fc.constantFrom(...names)), fc.array(fc.constantFrom("A", "B", "C")))
    .chain(([puts, deletes]) => {
      const all = [...puts, ...deletes];
      return fc.shuffledSubarray(all, { minLength: all.length });
    }),
  next: fc.constantFrom("nothing", "compact", "pump", "restart"),
});

function requestOf(operations: readonly string[]): wire.TxnRequest {
  const success = operations.map((each) => {
    const key = Buffer.from(each.toLowerCase());
    return names.includes(each)
      ? { request_put: { key } }
      : { request_delete_range: { key, range_end: Buffer.from([0]) } };
  });
  return wire.TxnRequest.decode(wire.TxnRequest.encode({ success }));
}

/** Every event from `from` on, as "+name" and "-name" by revision. */
function watched(world: StoreWorld, from: number): string[] {
  const events: string[] = [];
  const stream = world.store.openWatch({
    deliver: (response) => {
      if (response.canceled) events.push(`canceled ${response.cancel_reason}`);
      for (const { type, kv } of response.events)
        events.push(`${kv!.mod_revision}${type === 0 ? "+" : "-"}${Buffer.from(kv!.key)}`);
      return true;
    },
    closed: () => {},
  });
  stream.create({ key: Buffer.from([0]), range_end: Buffer.from([0]), start_revision: from });
  world.pumpAll();
  stream.close();
  return events;
}

test("changes of one key in one revision are all history, compacted or not", async () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12, size: "max" }), (steps) => {
      const tiny = { recentBytesMax: 1, recentRevisionsMax: 1 };
      let world = new StoreWorld(tiny);
      let present = new Set<string>();
      const history: string[] = [];
      const states = new Map<number, string>([[1, ""]]);
      let revision = 1;
      let compacted = 0;
      for (const { operations, next } of steps) {
        const before = history.length;
        present = new Set(present);
        for (const each of operations) {
          if (names.includes(each)) {
            present.add(each);
            history.push(`${revision + 1}+${each}`);
            continue;
          }
          for (const name of [...present].sort().filter((name) => name >= each.toLowerCase())) {
            present.delete(name);
            history.push(`${revision + 1}-${name}`);
          }
        }
        world.done("txn", requestOf(operations));
        if (history.length > before) revision += 1;
        states.set(revision, [...present].sort().join(""));
        if (next === "compact" && revision > compacted) {
          world.done("compact", wire.CompactionRequest.create({ revision }));
          compacted = revision;
        } else if (next === "pump") world.pumpAll(1);
        else if (next === "restart") world = world.restarted(tiny);
      }
      world.flush();
      const hash = hashStore(world.store);
      world.pumpAll(2);
      for (const subject of [world, world.restarted(tiny)]) {
        if (hashStore(subject.store) !== hash) throw new Error("the hash differs");
        for (let at = Math.max(1, compacted); at <= revision; at++) {
          const all = { key: Buffer.from([0]), range_end: Buffer.from([0]), revision: at };
          const response = subject.store.range(wire.RangeRequest.create(all));
          const got = response.kvs.map(({ key }) => Buffer.from(key)).join("");
          if (got !== states.get(at)) throw new Error(`at ${at}: ${got}, expected ${states.get(at)}`);
          if (response.count !== got.length) throw new Error(`at ${at}: counted ${response.count}`);
        }
        const from = Math.max(1, compacted);
        const expected = history.filter((event) => Number.parseInt(event, 10) >= from).join(" ");
        const got = watched(subject, from).join(" ");
        if (got !== expected) throw new Error(`watched ${got}, expected ${expected}`);
      }
    }),
    { numRuns: 400 },
  );
});

test("what a txn has deleted cannot be kept by a put of the same txn", async (t) => {
  const operations = (request: wire.PutRequest): wire.TxnRequest =>
    wire.TxnRequest.create({
      success: [
        wire.RequestOp.create({
          request_txn: wire.TxnRequest.create({
            success: [
              wire.RequestOp.create({
                request_delete_range: wire.DeleteRangeRequest.create({
                  key: Buffer.from("b"),
                  range_end: Buffer.from([0]),
                }),
              }),
            ],
          }),
        }),
        wire.RequestOp.create({ request_put: request }),
      ],
    });
  const world = new StoreWorld();
  for (const name of names) world.done("put", wire.PutRequest.create({ key: Buffer.from(name) }));
  for (const keeping of [{ ignore_value: true }, { ignore_lease: true }]) {
    const put = (name: string): wire.PutRequest =>
      wire.PutRequest.create({ key: Buffer.from(name), ...keeping });
    t.equal(world.apply("txn", operations(put("c"))).error?.detail.code, "kv.key-not-found");
    t.equal(
      world.store.range(wire.RangeRequest.create({ key: Buffer.from("c") })).count,
      1,
      "nothing is done",
    );
    t.equal(world.apply("txn", operations(put("a"))).error, undefined, "a key before them is kept");
    world.done("put", wire.PutRequest.create({ key: Buffer.from("c") }));
  }
});
