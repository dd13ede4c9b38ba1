/** The watch half of kv-client.ts: what a stream of KvClient.openWatch promises (etcd.md 5). */
import { type Test, test } from "tap";
import { utf8 } from "../../src/base/bytes.ts";
import type { KvClient, WatchResponse, WatchStream } from "../../src/store/kv.ts";
import { EventType } from "../../src/store/wire/messages.ts";
import { type Bench, bench, type Open } from "./kv-client.ts";

/** A sink that keeps what it gets and lets a test wait for it. */
export class Listener {
  readonly stream: WatchStream;
  readonly got: WatchResponse[] = [];
  /** Takes this many responses more; the last of them is answered with "wait". */
  room = Number.POSITIVE_INFINITY;
  #read = 0;
  #wake: (() => void) | null = null;

  constructor(kv: KvClient) {
    this.stream = kv.openWatch({
      deliver: (response) => {
        this.got.push(response);
        this.#wake?.();
        this.room -= 1;
        return this.room > 0;
      },
      closed: () => this.#wake?.(),
    });
  }

  /** The next response that was not read yet. */
  async next(): Promise<WatchResponse> {
    while (this.#read === this.got.length) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    return this.got[this.#read++]!;
  }

  /** Reads until `count` events came; tells them as "name=value" and "-name". */
  async events(count: number, nameOf: (key: Uint8Array) => string): Promise<string> {
    const told: string[] = [];
    while (told.length < count) {
      for (const event of (await this.next()).events) {
        const name = nameOf(event.kv!.key);
        told.push(event.type === EventType.PUT ? `${name}=${utf8.decode(event.kv!.value)}` : `-${name}`);
      }
    }
    return told.join(" ");
  }
}

function listen(kv: KvClient, t: Test): Listener {
  const listener = new Listener(kv);
  t.teardown(() => listener.stream.close());
  return listener;
}

export function kvWatchSuite(name: string, open: Open): void {
  test(`${name}: watch from now`, bench(open, fromNow));
  test(`${name}: watch from the past`, bench(open, fromPast));
  test(`${name}: watch with prev_kv and filters`, bench(open, previousAndFilters));
  test(`${name}: a revision comes whole`, bench(open, whole));
  test(`${name}: watch ids and cancel`, bench(open, idsAndCancel));
  test(`${name}: watch below the compacted revision`, bench(open, compacted));
  test(`${name}: progress`, bench(open, progress));
  test(`${name}: a slow sink loses nothing`, bench(open, slow));
}

async function fromNow({ kv, key, nameOf, put, all }: Bench, t: Test): Promise<void> {
  const before = await put("a", "before");
  const watch = listen(kv, t);
  watch.stream.create(all);
  const created = await watch.next();
  t.same([created.created, created.canceled, created.watch_id, created.events], [true, false, 0, []]);
  t.ok(created.header!.revision >= before);
  const revision = await put("a", "1");
  await kv.deleteRange({ key: key("a") });
  const event = await watch.next();
  t.equal(event.watch_id, 0);
  t.equal(event.events[0]!.kv!.mod_revision, revision);
  t.equal(event.events[0]!.prev_kv, undefined);
  const deleted = event.events[1] ?? (await watch.next()).events[0]!;
  t.same([deleted.type, nameOf(deleted.kv!.key), deleted.kv!.value.length], [EventType.DELETE, "a", 0]);
  t.equal(deleted.kv!.mod_revision, revision + 1);
}

async function fromPast({ kv, key, nameOf, put, all }: Bench, t: Test): Promise<void> {
  const start = await put("a", "1");
  await put("b", "1");
  await kv.deleteRange({ key: key("a") });
  const watch = listen(kv, t);
  watch.stream.create({ ...all, start_revision: start });
  t.ok((await watch.next()).created);
  await put("a", "2");
  t.equal(await watch.events(4, nameOf), "a=1 b=1 -a a=2", "history, then what is new, without a gap");
  const later = listen(kv, t);
  later.stream.create({ ...all, start_revision: start + 1 });
  t.ok((await later.next()).created);
  t.equal(await later.events(3, nameOf), "b=1 -a a=2");
}

async function previousAndFilters({ kv, key, nameOf, put, all }: Bench, t: Test): Promise<void> {
  const watch = listen(kv, t);
  watch.stream.create({ ...all, prev_kv: true, watch_id: 1 });
  watch.stream.create({ ...all, filters: [0], watch_id: 2 });
  watch.stream.create({ ...all, filters: [1], watch_id: 3 });
  for (let i = 0; i < 3; i++) t.ok((await watch.next()).created);
  await put("a", "1");
  await put("a", "2");
  await kv.deleteRange({ key: key("a") });
  const heard = new Map<number, string[]>([
    [1, []],
    [2, []],
    [3, []],
  ]);
  for (let count = 0; count < 6; ) {
    const response = await watch.next();
    for (const event of response.events) {
      const previous = event.prev_kv ? `<${utf8.decode(event.prev_kv.value)}` : "";
      const sign = event.type === EventType.PUT ? "" : "-";
      heard
        .get(response.watch_id)!
        .push(`${sign}${nameOf(event.kv!.key)}${utf8.decode(event.kv!.value)}${previous}`);
      count += 1;
    }
  }
  t.same(heard.get(1), ["a1", "a2<1", "-a<2"]);
  t.same(heard.get(2), ["-a"]);
  t.same(heard.get(3), ["a1", "a2"]);
}

async function whole({ kv, key, nameOf, all }: Bench, t: Test): Promise<void> {
  const watch = listen(kv, t);
  watch.stream.create(all);
  await watch.next();
  const names = Array.from({ length: 20 }, (_, at) => String(19 - at).padStart(2, "0"));
  const { header } = await kv.txn({ success: names.map((name) => ({ request_put: { key: key(name) } })) });
  const response = await watch.next();
  t.same(
    response.events.map((event) => nameOf(event.kv!.key)),
    names,
    "all events of the txn in one response, in the order of its operations",
  );
  t.ok(response.events.every((event) => event.kv!.mod_revision === header!.revision));
}

async function idsAndCancel({ kv, key, nameOf, put, all }: Bench, t: Test): Promise<void> {
  const watch = listen(kv, t);
  watch.stream.create(all);
  watch.stream.create({ ...all, watch_id: 7 });
  t.equal((await watch.next()).watch_id, 0);
  t.equal((await watch.next()).watch_id, 7);
  watch.stream.create({ ...all, watch_id: 7 });
  const duplicate = await watch.next();
  t.same([duplicate.created, duplicate.canceled, duplicate.watch_id], [true, true, -1]);
  watch.stream.create({ key: key("b"), range_end: key("a") });
  const empty = await watch.next();
  t.same([empty.created, empty.canceled, empty.watch_id], [true, true, -1]);
  watch.stream.cancel(0);
  const canceled = await watch.next();
  t.same([canceled.watch_id, canceled.canceled, canceled.created], [0, true, false]);
  watch.stream.cancel(4711);
  await put("a", "1");
  const event = await watch.next();
  t.equal(event.watch_id, 7, "the canceled watcher is silent, so is the cancel of an unknown id");
  t.equal(nameOf(event.events[0]!.kv!.key), "a");
}

async function compacted({ kv, put, all }: Bench, t: Test): Promise<void> {
  const first = await put("a", "1");
  await put("a", "2");
  const third = await put("a", "3");
  await kv.compact({ revision: third, physical: true });
  const watch = listen(kv, t);
  watch.stream.create({ ...all, start_revision: first });
  const created = await watch.next();
  t.same([created.created, created.canceled], [true, false]);
  const canceled = await watch.next();
  t.ok(canceled.canceled);
  t.ok(canceled.compact_revision >= third, "it says from where on there is history");
  t.same(canceled.events, []);
  t.equal(canceled.header?.revision, 0, "and claims no progress");
  watch.stream.create({ ...all, start_revision: third });
  t.ok((await watch.next()).created);
  const [event] = (await watch.next()).events;
  t.equal(event!.kv!.mod_revision, third, "the compacted revision itself can be watched");
}

async function progress({ kv, put, all }: Bench, t: Test): Promise<void> {
  const watch = listen(kv, t);
  watch.stream.create(all);
  await watch.next();
  const revision = await put("a", "1");
  await watch.next();
  watch.stream.requestProgress();
  const response = await watch.next();
  t.equal(response.watch_id, -1);
  t.same(response.events, []);
  t.ok(response.header!.revision >= revision, "everything up to here was delivered");
}

async function slow({ kv, nameOf, put, all }: Bench, t: Test): Promise<void> {
  const count = 50;
  const watch = listen(kv, t);
  watch.room = 1;
  watch.stream.create(all);
  await watch.next();
  const expected: string[] = [];
  for (let at = 0; at < count; at++) {
    await put("a", String(at));
    expected.push(`a=${at}`);
  }
  t.equal(watch.got.length, 1, "nothing comes while the sink waits");
  const told: string[] = [];
  while (told.length < count) {
    watch.room = 1;
    watch.stream.resume();
    told.push(...(await watch.events(1, nameOf)).split(" "));
  }
  t.equal(told.join(" "), expected.join(" "));
}
