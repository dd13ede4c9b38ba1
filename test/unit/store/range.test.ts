/** Wide ranges: in steps, encoded and in pieces they say what a plain range says, whatever happens between two steps. */
import fc from "fast-check";
import { type Test, test } from "tap";
import { KvError, type KvErrorCode } from "../../../src/store/errors.ts";
import { finish } from "../../../src/store/steps.ts";
import * as wire from "../../../src/store/wire/messages.ts";
import type { Init } from "../../../src/store/wire/protobuf.ts";
import { StoreWorld } from "../../support/store-world.ts";

const tiny = { recentBytesMax: 600, recentRevisionsMax: 3 };
const everything = { key: Buffer.from([0]), range_end: Buffer.from([0]) };

function put(world: StoreWorld, key: string, value: string): void {
  world.done("put", wire.PutRequest.create({ key: Buffer.from(key), value: Buffer.from(value) }));
}

/** 500 keys in storage, put in disorder, some twice; those above 400 are gone again. */
function wide(): StoreWorld {
  const world = new StoreWorld(tiny);
  for (let i = 0; i < 500; i++) put(world, `k${String((i * 37) % 500).padStart(3, "0")}`, `${i % 7}`);
  for (let i = 0; i < 100; i++) put(world, `k${String(i * 3).padStart(3, "0")}`, "second");
  const [key, range_end] = [Buffer.from("k400"), Buffer.from("k9")];
  world.done("delete-range", wire.DeleteRangeRequest.create({ key, range_end }));
  world.flush();
  return world;
}

function request(init: Init<wire.RangeRequest> = {}): wire.RangeRequest {
  return wire.RangeRequest.create({ ...everything, ...init });
}

const anyRequest = fc.record({
  limit: fc.integer({ min: -1, max: 450 }),
  revision: fc.integer({ min: -1, max: 602 }),
  sort_order: fc.integer({ min: 0, max: 2 }),
  sort_target: fc.integer({ min: 0, max: 4 }),
  keys_only: fc.boolean(),
  count_only: fc.boolean(),
  min_mod_revision: fc.constantFrom(0, 0, 0, 100),
  max_create_revision: fc.constantFrom(0, 0, 0, 300),
});

function joined(pieces: readonly Uint8Array[]): wire.RangeResponse {
  return wire.RangeResponse.decode(Buffer.concat(pieces));
}

/** As text, since byte fields of the two are views of different kinds. */
function text({ kvs, more, count }: Omit<wire.RangeResponse, "header">): string {
  const each = kvs.map(
    (kv) =>
      `${Buffer.from(kv.key)}=${Buffer.from(kv.value)} ${kv.create_revision} ${kv.mod_revision} ${kv.version} ${kv.lease}`,
  );
  return `${count} ${more}\n${each.join("\n")}`;
}

test("encoded, in steps and in pieces: the same answer", async (t) => {
  const world = wide();
  fc.assert(
    fc.property(anyRequest, (init) => {
      const asked = request(init);
      const whole = text(world.store.range(asked));
      const { kvs, more, count } = finish(world.store.encodedRangeSteps(asked));
      const encoded = joined([...kvs, wire.RangeResponse.encode({ more, count })]);
      if (text(encoded) !== whole) throw new Error(`encoded ${text(encoded)}, expected ${whole}`);
      // Without an order a target means nothing here; a range would sort by it all the same (etcd.md 4.3).
      const natural = text(world.store.range(request({ ...init, sort_target: 0 })));
      const streamed = stream(world, asked);
      if (streamed !== null && text(streamed) !== natural) throw new Error("the pieces differ");
    }),
    { numRuns: 300 },
  );
  t.pass();
});

/** All pieces as one answer; null if the request cannot be streamed. */
function stream(world: StoreWorld, asked: wire.RangeRequest): wire.RangeResponse | null {
  const kvs: wire.KeyValue[] = [];
  try {
    const pieces = world.store.rangePieces(asked);
    for (;;) {
      const { done, value } = pieces.next();
      kvs.push(...(value?.kvs ?? []));
      if (done) return { ...(value as wire.RangeResponse), kvs };
      if (value && (value.header !== undefined || value.more || value.count !== 0))
        throw new Error("header, more and count come last");
    }
  } catch (error) {
    if (error instanceof KvError && error.detail.code === "kv.unimplemented") return null;
    throw error;
  }
}

test("what is applied, compacted and written between two steps does not show", async (t) => {
  const world = wide();
  const { revision } = world.store;
  const expected = text(world.store.range(request()));
  const steps = world.store.encodedRangeSteps(request());
  let count = 0;
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) {
      const { kvs, header, more, count: all } = step.value;
      t.equal(text(joined([...kvs, wire.RangeResponse.encode({ more, count: all })])), expected);
      t.equal(header.revision, revision, "the revision is that of the start");
      break;
    }
    const name = `k${String(count * 61).padStart(3, "0")}`;
    world.apply("delete-range", wire.DeleteRangeRequest.create({ key: Buffer.from(name) }));
    put(world, `k${count}new`, "later");
    put(world, `k3${count}`, "later");
    world.apply("compact", wire.CompactionRequest.create({ revision: world.store.revision }));
    world.flush();
    world.pump(10);
    count += 1;
  }
  t.ok(count > 3, "it took several steps");
  t.ok(world.store.compactionFinished < world.store.compactRevision, "compaction waited for the reader");
  world.pumpAll();
  t.equal(world.store.compactionFinished, world.store.compactRevision, "and goes on after it");
});

test("a reader that gives up lets compaction go on", async (t) => {
  const world = wide();
  const steps = world.store.rangeSteps(request());
  steps.next();
  world.done("compact", wire.CompactionRequest.create({ revision: world.store.revision }));
  put(world, "more", "");
  world.done("compact", wire.CompactionRequest.create({ revision: world.store.revision }));
  t.notOk(world.pump(), "nothing can be done");
  steps.return(wire.RangeResponse.create());
  world.pumpAll();
  t.equal(world.store.compactionFinished, world.store.revision);
});

test("a slow reader of pieces is overtaken by compaction, and by a snapshot", async (t) => {
  const world = wide();
  const pieces = world.store.rangePieces(request());
  const first = pieces.next().value!;
  t.equal(first.kvs.length, 10, "the first piece is small");
  put(world, "x", "");
  world.done("compact", wire.CompactionRequest.create({ revision: world.store.revision }));
  world.pumpAll();
  t.equal(world.store.compactionFinished, world.store.compactRevision, "nobody waits for it");
  refusedWith(t, () => pieces.next(), "kv.compacted");

  for (const start of [() => world.store.rangeSteps(request()), () => world.store.rangePieces(request())]) {
    const steps = start();
    steps.next();
    world.install(wide());
    refusedWith(t, () => steps.next(), "kv.unavailable");
  }
});

test("a txn of ranges is of one state, though a snapshot comes while one of them is sorted", async (t) => {
  for (let pauses = 1; pauses < 30; pauses++) {
    const world = wide();
    const ranged = { request_range: { ...everything, sort_order: 2 } };
    const txn = wire.TxnRequest.decode(wire.TxnRequest.encode({ success: [ranged, ranged] }));
    const { revision } = world.store;
    const steps = world.store.readTxnSteps(txn);
    let done = false;
    for (let i = 0; i < pauses && !done; i++) done = steps.next().done === true;
    if (done) {
      t.ok(pauses > 10, "there were pauses in each part");
      return;
    }
    const later = wide();
    later.done("delete-range", wire.DeleteRangeRequest.create({ ...everything }));
    later.done("compact", wire.CompactionRequest.create({ revision: later.store.revision }));
    later.pumpAll();
    world.install(later);
    try {
      const { responses } = finish(steps);
      const counts = responses.map(({ response_range }) => response_range!.count);
      t.same(counts, [400, 400], `after ${pauses} pauses: both ranges of revision ${revision}`);
    } catch (error) {
      t.equal((error as KvError).detail.code, "kv.unavailable");
    }
  }
  t.fail("the txn does not end");
});

test("a count that looks at all keys pauses, streamed or not", async (t) => {
  const world = new StoreWorld(tiny);
  for (let i = 0; i < 40_000; i++) put(world, `k${i % 20_000}`, "");
  world.flush();
  const past = request({ count_only: true, revision: 20_001 });
  for (const steps of [world.store.rangeSteps(past), world.store.rangePieces(past)]) {
    let pauses = 0;
    for (;;) {
      const { done, value } = steps.next();
      if (done) {
        t.equal((value as wire.RangeResponse).count, 20_000);
        break;
      }
      pauses += 1;
    }
    t.ok(pauses > 0);
  }
});

test("what RangeStream refuses", async (t) => {
  const world = wide();
  const refused = (init: Init<wire.RangeRequest>, message: string): void => {
    t.equal(
      refusedWith(t, () => world.store.rangePieces(request(init)), "kv.unimplemented"),
      message,
    );
  };
  refused({ sort_order: 2 }, "RangeStream does not support custom sort orders");
  refused({ sort_order: 1, sort_target: 3 }, "RangeStream does not support custom sort orders");
  refused({ min_create_revision: 1 }, "RangeStream does not support revision filters");
  t.equal(
    stream(world, request({ sort_order: 1 }))!.kvs.length,
    400,
    "ascending by key is the natural order",
  );
  const counted = [...drain(world, request({ count_only: true }))];
  t.same(
    counted.map(({ kvs, count }) => [kvs.length, count]),
    [[0, 400]],
    "a count is one message",
  );
  refusedWith(t, () => world.store.rangePieces(request({ revision: 10_000 })), "kv.future-revision");
});

/** The message. */
function refusedWith(t: Test, run: () => unknown, code: KvErrorCode): string {
  try {
    run();
  } catch (error) {
    t.equal((error as KvError).detail.code, code);
    return (error as KvError).message;
  }
  t.fail(`is not refused with ${code}`);
  return "";
}

function* drain(world: StoreWorld, asked: wire.RangeRequest): Generator<wire.RangeResponse> {
  const pieces = world.store.rangePieces(asked);
  for (;;) {
    const { done, value } = pieces.next();
    if (value) yield value;
    if (done) return;
  }
}

test("order, ties, filters and cuts", async (t: Test) => {
  const world = new StoreWorld();
  for (const [key, value] of ["c1", "a2", "b1", "d2", "a2", "b1"].map((each) => [...each]))
    put(world, key!, value!);
  const lease = 77n;
  world.done("lease-grant", wire.LeaseGrantRequest.create({ ID: lease, TTL: 60 }));
  const leased = { key: Buffer.from("e"), value: Buffer.from("0"), lease };
  world.done("put", wire.PutRequest.create(leased));
  // Key: version, created, modified:   a 2 3 6   b 2 4 7   c 1 2 2   d 1 5 5   e 1 8 8
  const cases: [string, Init<wire.RangeRequest>, string, boolean, number][] = [
    ["natural", {}, "abcde", false, 5],
    ["key, descending", { sort_order: 2 }, "edcba", false, 5],
    ["version, ties by key", { sort_order: 1, sort_target: 1 }, "cdeab", false, 5],
    ["version, descending, ties still by key", { sort_order: 2, sort_target: 1 }, "abcde", false, 5],
    ["created", { sort_order: 1, sort_target: 2 }, "cabde", false, 5],
    ["modified, descending", { sort_order: 2, sort_target: 3 }, "ebadc", false, 5],
    ["value, ties by key", { sort_order: 1, sort_target: 4 }, "ebcad", false, 5],
    ["a target without an order ascends", { sort_target: 3 }, "cdabe", false, 5],
    ["sorted, then cut", { sort_order: 2, sort_target: 3, limit: 2 }, "eb", true, 5],
    ["cut at exactly the number there is", { limit: 5 }, "abcde", false, 5],
    ["cut", { limit: 4 }, "abcd", true, 5],
    ["a negative limit is none", { limit: -3 }, "abcde", false, 5],
    [
      "bounds are inclusive; the count ignores them",
      { min_mod_revision: 6, max_mod_revision: 7 },
      "ab",
      false,
      5,
    ],
    ["created between", { min_create_revision: 3, max_create_revision: 5 }, "abd", false, 5],
    ["filtered, then cut", { min_mod_revision: 5, limit: 3 }, "abd", true, 5],
    ["at a revision", { revision: 5 }, "abcd", false, 4],
    ["at a revision, a page", { revision: 5, key: Buffer.from("b\0"), limit: 1 }, "c", true, 2],
    ["one key", { key: Buffer.from("b"), range_end: Buffer.alloc(0) }, "b", false, 1],
    [
      "one key, filtered out",
      { key: Buffer.from("b"), range_end: Buffer.alloc(0), min_mod_revision: 8 },
      "",
      false,
      1,
    ],
    ["inverted", { key: Buffer.from("d"), range_end: Buffer.from("b") }, "", false, 0],
    ["equal ends", { key: Buffer.from("d"), range_end: Buffer.from("d") }, "", false, 0],
    ["from a key on", { key: Buffer.from("d") }, "de", false, 2],
  ];
  for (const [what, init, expected, more, count] of cases) {
    const response = world.store.range(request(init));
    t.same(
      [response.kvs.map(({ key }) => Buffer.from(key)).join(""), response.more, response.count],
      [expected, more, count],
      what,
    );
    t.equal(response.header!.revision, 8, "the header has the present revision");
  }
  const [kv] = world.store.range(request({ key: Buffer.from("e"), keys_only: true })).kvs;
  t.same([kv!.value.length, kv!.lease, kv!.version], [0, lease, 1], "keys_only keeps all but the value");
});
