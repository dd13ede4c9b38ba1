/** Very many watchers: shared encodings, bounded slices, and nothing that piles up. */
import { test } from "tap";
import type { EncodedEvents, WatchStream } from "../../../src/store/kv.ts";
import * as wire from "../../../src/store/wire/messages.ts";
import { StoreWorld } from "../../support/store-world.ts";

const everything = { key: Buffer.from([0]), range_end: Buffer.from([0]) };

function put(world: StoreWorld, key: string, value = ""): void {
  world.done("put", wire.PutRequest.create({ key: Buffer.from(key), value: Buffer.from(value) }));
}

/** A txn that puts `count` keys k0, k1 ... */
function putMany(world: StoreWorld, count: number): void {
  const success = Array.from({ length: count }, (_, at) =>
    wire.RequestOp.create({ request_put: wire.PutRequest.create({ key: Buffer.from(`k${at}`) }) }),
  );
  world.done("txn", wire.TxnRequest.create({ success }));
}

interface Heard {
  readonly stream: WatchStream;
  readonly responses: wire.WatchResponse[];
  readonly encoded: (EncodedEvents | undefined)[];
  /** Responses until the next "wait". */
  room: number;
  error: unknown;
}

function listen(world: StoreWorld): Heard {
  const responses: wire.WatchResponse[] = [];
  const encoded: (EncodedEvents | undefined)[] = [];
  const heard: Omit<Heard, "stream"> = { responses, encoded, room: Number.POSITIVE_INFINITY, error: null };
  const stream = world.store.openWatch({
    deliver(response, events) {
      responses.push(response);
      encoded.push(events);
      heard.room -= 1;
      return heard.room > 0;
    },
    closed: (error) => {
      heard.error = error ?? "closed";
    },
  });
  return Object.assign(heard, { stream });
}

/** Responses with events only. */
const events = (heard: Heard): wire.WatchResponse[] =>
  heard.responses.filter((response) => response.events.length > 0);

test("whoever is shown the same gets the same bytes, whatever its stream and interval", async (t) => {
  const world = new StoreWorld();
  const listeners = Array.from({ length: 20 }, () => listen(world));
  for (const [at, { stream }] of listeners.entries()) {
    stream.create(
      at % 2 === 0 ? { key: Buffer.from("k0") } : { key: Buffer.from("k"), range_end: Buffer.from("l") },
    );
    stream.create({ ...everything, prev_kv: true });
    stream.create({ ...everything, filters: [wire.WatchFilter.NOPUT] });
  }
  world.pumpAll();
  put(world, "k0", "1");
  put(world, "k0", "2");
  world.pumpAll();
  const kinds = new Set<Uint8Array>();
  for (const heard of listeners) {
    for (const [at, response] of heard.responses.entries()) {
      if (response.events.length === 0) continue;
      const { encoded } = heard.encoded[at]!;
      kinds.add(encoded);
      t.strictSame(encoded, wire.WatchResponse.encode({ events: response.events }));
    }
  }
  t.equal(kinds.size, 4, "two revisions, with and without the previous pair");
});

test("late watchers on many streams share encodings too", async (t) => {
  const world = new StoreWorld();
  for (let at = 0; at < 10; at++) put(world, "k", String(at));
  const listeners = Array.from({ length: 10 }, () => listen(world));
  for (const { stream } of listeners) stream.create({ key: Buffer.from("k"), start_revision: 5 });
  world.pumpAll();
  const sets = listeners.map((heard) => events(heard).flatMap((response) => response.events));
  for (const each of sets) t.ok(each.length === 7 && each.every((event, at) => event === sets[0]![at]));
});

test("a revision of many events for many watchers: no slice does it all", async (t) => {
  const world = new StoreWorld();
  const heard = listen(world);
  const watchers = 4000;
  // All intervals differ, so that grouping does not help.
  for (let at = 0; at < watchers; at++) {
    heard.stream.create({ key: Buffer.from("k"), range_end: Buffer.from(`l${at}`) });
  }
  world.pumpAll();
  putMany(world, 128);
  let pumps = 0;
  let most = 0;
  for (let more = true; more; pumps++) {
    const before = heard.responses.length;
    more = world.pump(500);
    most = Math.max(most, heard.responses.length - before);
  }
  const responses = events(heard);
  t.equal(responses.length, watchers);
  t.ok(responses.every((response) => response.events.length === 128));
  t.ok(pumps > watchers / 100 && most <= 500, `${pumps} pumps, at most ${most} responses in one`);
  t.equal(new Set(heard.encoded.filter(Boolean)).size, 1, "one batch for all of them");
});

test("ten thousand watchers that compaction overtook are told so, and the stream lives", async (t) => {
  const world = new StoreWorld({ recentRevisionsMax: 1 });
  const heard = listen(world);
  const count = 10_000;
  for (let at = 0; at < count; at++) {
    heard.stream.create({ key: Buffer.from("k") });
    if (at % 1000 === 0) world.pumpAll();
  }
  world.pumpAll();
  // The client stops reading at the first event; everybody else falls behind.
  heard.room = 1;
  for (let at = 0; at < 5; at++) put(world, "k", String(at));
  world.pumpAll();
  world.done("compact", wire.CompactionRequest.create({ revision: 5 }));
  world.pumpAll();
  t.equal(events(heard).length, 1);
  const canceled = (): wire.WatchResponse[] => heard.responses.filter((response) => response.canceled);
  for (let turn = 0; turn < count && canceled().length < count && heard.error === null; turn++) {
    heard.room = 100;
    heard.stream.resume();
    world.pumpAll(50);
  }
  t.equal(heard.error, null);
  t.equal(canceled().length, count);
  t.ok(canceled().every((each) => each.compact_revision === 5 && each.cancel_reason === ""));
});

test("progress of ten thousand watchers goes out in slices, to those that are idle", async (t) => {
  const world = new StoreWorld();
  const heard = listen(world);
  for (let at = 0; at < 10_000; at++) {
    heard.stream.create({ key: Buffer.from(`k${at}`), progress_notify: true });
    if (at % 1000 === 0) world.pumpAll();
  }
  world.pumpAll();
  world.store.notifyProgress();
  world.pumpAll();
  heard.responses.length = 0;
  put(world, "k7");
  world.store.notifyProgress();
  let most = 0;
  for (let more = true; more; ) {
    const before = heard.responses.length;
    more = world.pump(500);
    most = Math.max(most, heard.responses.length - before);
  }
  t.ok(most <= 1001, `${most} in one slice`);
  const progress = heard.responses.filter((response) => response.events.length === 0);
  t.equal(progress.length, 9999);
  t.ok(progress.every((response) => response.header!.revision === 2 && response.watch_id !== 7));
});

test("progress never overtakes what was not delivered", async (t) => {
  const world = new StoreWorld();
  const heard = listen(world);
  heard.stream.create({ ...everything, progress_notify: true });
  world.pumpAll();
  heard.room = 1;
  put(world, "a");
  put(world, "b");
  heard.stream.requestProgress();
  world.pumpAll();
  world.store.notifyProgress();
  world.pumpAll();
  t.strictSame(
    heard.responses.map((response) => response.events.length),
    [0, 1],
    "the client waits",
  );
  while (heard.responses.length < 4) {
    heard.room = 1;
    heard.stream.resume();
    world.pumpAll(1);
  }
  t.strictSame(
    heard.responses
      .slice(1)
      .map((response) => [response.watch_id, response.header!.revision, response.events.length]),
    [
      [0, 2, 1],
      [0, 3, 1],
      [-1, 3, 0],
    ],
  );
});
