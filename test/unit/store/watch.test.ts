/**
 * The seam between fast and slow: streams that stop and go, tiny memory of the past, small budgets, compaction, snapshots.
 * Whatever the timing, each watcher hears its part of the history in order, once, without a gap, revisions whole.
 */
import fc from "fast-check";
import { type Test, test } from "tap";
import type { WatchStream } from "../../../src/store/kv.ts";
import * as wire from "../../../src/store/wire/messages.ts";
import {
  type ModelChange,
  type ModelStep,
  modelStep,
  requestOf,
  StoreModel,
  stepModel,
} from "../../support/store-model.ts";
import { StoreWorld } from "../../support/store-world.ts";

const tiny = { recentBytesMax: 600, recentRevisionsMax: 3, watchCatchUpRevisionsMax: 4 };

/** One stream with watchers that check what they hear against the model, as they hear it. */
class Client {
  readonly stream: WatchStream;
  readonly heard = new Map<number, Heard>();
  answers = 0;
  progress = 0;
  /** Responses until the next "wait". */
  room: number;
  blocked = false;
  readonly #model: StoreModel;
  /** Canceled by us: from the call on nothing but the answer may come. */
  readonly #silenced = new Set<number>();
  readonly #created: (Omit<Heard, "events" | "canceled" | "from"> & { start: number })[] = [];

  constructor(world: StoreWorld, model: StoreModel, room: number) {
    this.#model = model;
    this.room = room;
    this.stream = world.store.openWatch({
      deliver: (response) => this.#take(response),
      closed: () => {
        throw new Error("not expected to end");
      },
    });
  }

  watch(low: string, high: string, start: number, puts: boolean): void {
    this.#created.push({ low, high, puts, start });
    this.stream.create({
      key: Buffer.from(low),
      range_end: Buffer.from(high),
      start_revision: start,
      prev_kv: true,
      filters: puts ? [] : [wire.WatchFilter.NOPUT],
    });
  }

  cancel(id: number): void {
    if (id < this.#created.length) this.#silenced.add(id);
    this.stream.cancel(id);
  }

  #take(response: wire.WatchResponse): boolean {
    if (this.blocked) throw new Error("delivered to a sink that waits");
    const revision = response.header!.revision;
    if (response.created) {
      const { start, ...asked } = this.#created[this.answers++]!;
      // Progress (id -1) only speaks of watchers that exist.
      const from = start === 0 ? revision + 1 : start;
      this.heard.set(response.watch_id, { ...asked, from, events: [], canceled: 0 });
    } else if (response.canceled) {
      this.heard.get(response.watch_id)!.canceled = response.compact_revision;
    } else if (response.watch_id === -1) {
      this.progress += 1;
      for (const [id, heard] of this.heard) if (!this.#silenced.has(id)) this.#check(heard, revision);
    } else {
      if (this.#silenced.has(response.watch_id)) throw new Error("events of a canceled watcher");
      const heard = this.heard.get(response.watch_id)!;
      const last = heard.events.at(-1)?.kv?.mod_revision ?? 0;
      if (response.events.length === 0) throw new Error("an empty batch");
      if (response.events[0]!.kv!.mod_revision <= last)
        throw new Error("a revision came twice or in two pieces");
      if (response.events.at(-1)!.kv!.mod_revision > revision) throw new Error("header below its events");
      heard.events.push(...response.events);
      this.#check(heard, response.events.at(-1)!.kv!.mod_revision);
    }
    this.room -= 1;
    this.blocked = this.room <= 0;
    return !this.blocked;
  }

  /** The watcher must have heard exactly its part of the history up to `revision`. */
  #check(heard: Heard, revision: number): void {
    if (heard.canceled > 0) return;
    const expected = this.#model.changes.filter((change) => isFor(heard, change) && change.main <= revision);
    const got = heard.events.map((event) => told(event));
    const want = expected.map((change) => `${change.main} ${change.name}=${change.value}`);
    if (got.join(",") !== want.join(","))
      throw new Error(`heard ${got.join(",")}, expected ${want.join(",")}`);
    for (const event of heard.events) this.#checkPrevious(event);
  }

  #checkPrevious(event: wire.Event): void {
    const { key, mod_revision } = event.kv!;
    const before = this.#model.at(mod_revision - 1).get(Buffer.from(key).toString());
    const previous = event.prev_kv && Buffer.from(event.prev_kv.value).toString();
    if (previous === undefined && before !== undefined && mod_revision - 1 < this.#model.compactRevision)
      return;
    if (previous !== before?.split("@")[0]) throw new Error(`prev_kv is ${previous}, expected ${before}`);
  }

  /** At the end: nothing is missing. Canceled watchers must have had a reason. */
  finish(): void {
    for (const [id, heard] of this.heard) {
      if (this.#silenced.has(id)) continue;
      if (heard.canceled === 0) this.#check(heard, this.#model.revision);
      else if (heard.canceled > this.#model.compactRevision) throw new Error("canceled for no reason");
    }
  }
}

interface Heard {
  readonly low: string;
  readonly high: string;
  readonly puts: boolean;
  readonly from: number;
  readonly events: wire.Event[];
  canceled: number;
}

function isFor(heard: Heard, change: ModelChange): boolean {
  if (change.main < heard.from || change.name < heard.low || change.name >= heard.high) return false;
  return heard.puts || change.value === null;
}

function told(event: wire.Event): string {
  const { key, mod_revision, value } = event.kv!;
  const text = event.type === wire.EventType.DELETE ? "null" : Buffer.from(value).toString();
  return `${mod_revision} ${Buffer.from(key)}=${text}`;
}

const share = fc.double({ min: 0, max: 1, noNaN: true });
const action = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant("step" as const), step: modelStep }) },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant("pump" as const), budget: fc.constantFrom(1, 2, 5, 100) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("resume" as const),
      client: fc.nat(2),
      room: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("watch" as const),
      client: fc.nat(2),
      low: fc.constantFrom("a", "b", "c"),
      high: fc.constantFrom("c\0", "d", "f"),
      start: fc.option(share),
      puts: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("progress" as const), client: fc.nat(2) }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("cancel" as const), client: fc.nat(2), id: fc.nat(3) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("snapshot" as const),
      missed: fc.array(modelStep, { maxLength: 6 }),
    }),
  },
);

function take(world: StoreWorld, step: ModelStep, model: StoreModel): void {
  const { kind, request } = requestOf(step, model);
  world.apply(kind, request as never);
  stepModel(step, model);
}

test("ordered, unique, without gaps, whole", async (t) => {
  let progress = 0;
  let canceled = 0;
  let events = 0;
  fc.assert(
    fc.property(fc.array(action, { minLength: 5, maxLength: 120, size: "max" }), (actions) => {
      const world = new StoreWorld(tiny);
      const model = new StoreModel();
      const clients = [1, 2, Number.POSITIVE_INFINITY].map((room) => new Client(world, model, room));
      for (const action of actions) {
        switch (action.type) {
          case "step":
            take(world, action.step, model);
            break;
          case "pump":
            world.pump(action.budget);
            break;
          case "resume": {
            const client = clients[action.client]!;
            client.room = action.room;
            client.blocked = false;
            client.stream.resume();
            break;
          }
          case "watch": {
            const start =
              action.start === null ? 0 : Math.max(1, Math.floor(action.start * (model.revision + 3)));
            clients[action.client]!.watch(action.low, action.high, start, action.puts);
            break;
          }
          case "progress":
            clients[action.client]!.stream.requestProgress();
            break;
          case "cancel":
            clients[action.client]!.cancel(action.id);
            break;
          case "snapshot": {
            const peer = world.copied(tiny);
            for (const step of action.missed) take(peer, step, model);
            world.install(peer);
            break;
          }
        }
      }
      let turns = 0;
      do {
        if (++turns > 10_000) throw new Error("the pump does not come to an end");
        for (const client of clients) {
          client.room = Number.POSITIVE_INFINITY;
          client.blocked = false;
          client.stream.resume();
        }
      } while (world.pump(3));
      for (const client of clients) {
        client.finish();
        progress += client.progress;
        for (const heard of client.heard.values()) {
          canceled += heard.canceled > 0 ? 1 : 0;
          events += heard.events.length;
        }
      }
    }),
    { numRuns: 500 },
  );
  t.comment(
    `heard ${events} events, ${progress} progress answers, ${canceled} watchers overtaken by compaction`,
  );
  t.ok(events > 1000 && progress > 10 && canceled > 10, "the runs met what they are about");
});

/** A world with a stream that keeps what it gets. */
function listening(options = {}): { world: StoreWorld; stream: WatchStream; got: wire.WatchResponse[] } {
  const world = new StoreWorld(options);
  const got: wire.WatchResponse[] = [];
  const stream = world.store.openWatch({
    deliver: (response) => {
      got.push(response);
      return true;
    },
    closed: () => {},
  });
  return { world, stream, got };
}

function put(world: StoreWorld, key: string, value = ""): void {
  world.done("put", wire.PutRequest.create({ key: Buffer.from(key), value: Buffer.from(value) }));
}

const everything = { key: Buffer.from([0]), range_end: Buffer.from([0]) };

test("a revision that many watch is delivered in slices, to each of them whole and once", async (t) => {
  const world = new StoreWorld();
  const count = 10_000;
  const heard = new Map<string, number>();
  let delivered = 0;
  const streams = Array.from({ length: 100 }, (_, at) => {
    const stream = world.store.openWatch({
      deliver(response) {
        const { events, watch_id } = response;
        if (events.length === 0) return true;
        const id = `${at}/${watch_id}`;
        heard.set(id, (heard.get(id) ?? 0) + events.length);
        delivered += 1;
        return true;
      },
      closed: () => {},
    });
    for (let i = 0; i < count / 100; i++) stream.create({ key: Buffer.from("k") });
    return stream;
  });
  world.pumpAll();
  put(world, "k");
  put(world, "k");
  let most = 0;
  while (delivered < count) {
    const before = delivered;
    t.ok(world.pump(1000), "there is more to do");
    most = Math.max(most, delivered - before);
  }
  t.equal(most, 1000, "one budget a turn");
  t.equal(delivered, count, "the next revision waits for its own turn");
  // Between two slices of the second revision: one goes, one comes and begins with it.
  world.pump(1000);
  streams[99]!.cancel(0);
  streams[0]!.create({ key: Buffer.from("k"), start_revision: world.store.revision });
  world.pumpAll();
  t.equal(heard.get("99/0"), 1, "canceled before its turn");
  t.equal(heard.get("0/100"), 1, "began with the revision that was on its way");
  heard.delete("99/0");
  heard.delete("0/100");
  t.equal(heard.size, count - 1);
  t.ok([...heard.values()].every((events) => events === 2));
});

test("a stream with many watchers catches up in slices too", async (t) => {
  const world = new StoreWorld();
  let room = 0;
  const heard = new Map<number, number>();
  let most = 0;
  let delivered = 0;
  const stream = world.store.openWatch({
    deliver({ events, watch_id }) {
      if (events.length > 0) {
        delivered += 1;
        heard.set(watch_id, (heard.get(watch_id) ?? 0) + events.length);
      }
      return --room > 0;
    },
    closed: () => {},
  });
  room = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3000; i++) stream.create({ key: Buffer.from("k") });
  world.pumpAll();
  room = 1;
  stream.requestProgress();
  world.pumpAll();
  for (let i = 0; i < 3; i++) put(world, "k");
  world.pumpAll();
  t.equal(delivered, 0, "all of them are behind now");
  room = Number.POSITIVE_INFINITY;
  stream.resume();
  for (let more = true; more; ) {
    const before = delivered;
    more = world.pump(100);
    most = Math.max(most, delivered - before);
  }
  t.ok(most <= 100, `${most} deliveries in one turn`);
  t.equal(heard.size, 3000);
  t.ok([...heard.values()].every((events) => events === 3));
});

test("a large revision is cut for watchers that ask", async (t: Test) => {
  const { world, stream, got } = listening({ watchFragmentBytes: 1000 });
  stream.create({ ...everything, fragment: true });
  stream.create(everything);
  const operation = (key: string): wire.RequestOp =>
    wire.RequestOp.create({
      request_put: wire.PutRequest.create({ key: Buffer.from(key), value: Buffer.alloc(300) }),
    });
  world.done("txn", wire.TxnRequest.create({ success: ["a", "b", "c", "d", "e"].map(operation) }));
  world.pumpAll();
  const parts = got.filter((response) => response.watch_id === 0 && !response.created);
  t.strictSame(
    parts.map((response) => [response.events.length, response.fragment]),
    [
      [2, true],
      [2, true],
      [1, false],
    ],
  );
  const whole = got.filter((response) => response.watch_id === 1 && !response.created);
  t.strictSame(
    whole.map((response) => [response.events.length, response.fragment]),
    [[5, false]],
  );
});

test("a watcher of the future hears nothing before, and holds progress back", async (t: Test) => {
  const { world, stream, got } = listening();
  stream.create({ ...everything, start_revision: 4 });
  stream.requestProgress();
  put(world, "a");
  put(world, "b");
  world.pumpAll();
  t.equal(got.length, 1, "created only");
  put(world, "c");
  world.pumpAll();
  t.strictSame(
    got.slice(1).map((response) => [response.watch_id, response.header!.revision, response.events.length]),
    [
      [0, 4, 1],
      [-1, 4, 0],
    ],
  );
});

test("periodic progress goes to idle watchers that asked", async (t: Test) => {
  const { world, stream, got } = listening();
  stream.create({ ...everything, progress_notify: true });
  stream.create(everything);
  world.pumpAll();
  put(world, "a");
  world.pumpAll();
  const before = got.length;
  world.store.notifyProgress();
  world.pumpAll();
  t.equal(got.length, before, "it heard something since");
  world.store.notifyProgress();
  world.pumpAll();
  t.strictSame(
    got.slice(before).map((response) => [response.watch_id, response.header!.revision]),
    [[0, 2]],
  );
});

test("refusals at creation", async (t: Test) => {
  const { world, stream, got } = listening();
  stream.create({ key: Buffer.from("b"), range_end: Buffer.from("a") });
  stream.create({ key: Buffer.from("a"), start_revision: -1 });
  stream.create({ key: Buffer.from("a"), watch_id: 5 });
  stream.create({ key: Buffer.from("a"), watch_id: 5 });
  stream.cancel(5);
  stream.cancel(5);
  world.pumpAll();
  t.strictSame(
    got.map((response) => [response.watch_id, response.created, response.canceled, response.cancel_reason]),
    [
      [-1, true, true, "mvcc: watcher range is empty"],
      [-1, true, true, "etcdserver: mvcc: required revision has been compacted"],
      [5, true, false, ""],
      [-1, true, true, "mvcc: duplicate watch ID provided on the WatchStream"],
      [5, false, true, ""],
    ],
  );
});

test("a client that asks on while it does not read loses its stream", async (t: Test) => {
  const world = new StoreWorld({ watchAnswersPendingMax: 10 });
  let ended: string | undefined;
  const stream = world.store.openWatch({
    deliver: () => false,
    closed: (error) => {
      ended = error?.code;
    },
  });
  for (let at = 0; at < 12; at++) {
    stream.create(everything);
    world.pump();
  }
  t.equal(ended, "kv.too-many-requests");
  t.equal(world.store.watchStreamCount, 0);
});

test("what is created while a snapshot is loaded starts after it", async (t: Test) => {
  const { world, stream, got } = listening();
  put(world, "a");
  const peer = world.copied();
  put(peer, "b");
  peer.flush();
  world.store.reset();
  stream.create(everything);
  t.equal(world.pump(), false, "nothing is served meanwhile");
  t.throws(() => world.store.range(wire.RangeRequest.create({ key: Buffer.from("a") })), {
    code: "kv.unavailable",
  });
  world.records.replace(peer.records.rows());
  world.store.load(world.records.rows());
  world.store.loaded(peer.store.appliedIndex);
  put(world, "c");
  world.pumpAll();
  const created = got[0]!.header!.revision;
  const first = got[1]!.events[0]!.kv!.mod_revision;
  t.ok(got[0]!.created && first === created + 1, "the first event follows the revision of its creation");
  t.equal(got.at(-1)!.events.at(-1)!.kv!.mod_revision, 4);
});
