/** The line behind locks and elections: order, wake-ups, and what is left behind when a waiter goes. */
import { type Test, test } from "tap";
import { enter, leaseOf, untilFirst } from "../../../src/api/v3/concurrency/line.ts";
import { observe } from "../../../src/api/v3/concurrency/observe.ts";
import { silent } from "../../../src/base/ports.ts";
import { RemoteKv } from "../../../src/host/kv-remote/remote-kv.ts";
import type { Caller, CallOptions, KvClient } from "../../../src/store/kv.ts";
import { systemClock } from "../../compat/clock.ts";
import { ConcurrencyClient } from "../../compat/concurrency-story.ts";
import { startFront } from "../../compat/front.ts";
import { startMemoryFront } from "../../compat/memory-front.ts";
import { MemoryKv } from "../../support/memory-kv.ts";

/** A turn of the loop later, when everything in memory has come to rest. */
const quiet = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const name = Buffer.from("lock");
const value = Buffer.alloc(0);
const bytes = (text: string): Buffer => Buffer.from(text);

async function queue(
  kv: KvClient,
  count: number,
): Promise<{ granted: bigint[]; keys: Uint8Array[]; all: Promise<unknown> }> {
  const granted: bigint[] = [];
  const keys: Uint8Array[] = [];
  const waits: Promise<unknown>[] = [];
  for (let i = 0; i < count; i++) {
    const lease = await leaseOf(kv, 0n, {});
    const { place, first } = await enter(kv, { name, lease, value }, {});
    keys.push(place.key);
    waits.push((first ? Promise.resolve() : untilFirst(kv, place, {})).then(() => granted.push(lease)));
  }
  return { granted, keys, all: Promise.all(waits) };
}

test("a hundred waiters: in order, and a release wakes one", async (t) => {
  const kv = new MemoryKv();
  const { granted, keys, all } = await queue(kv, 100);
  await quiet();
  t.equal(granted.length, 1);
  for (let i = 0; i < keys.length; i++) {
    const before = kv.calls.length;
    await kv.deleteRange({ key: keys[i]! });
    if (i + 1 === keys.length) break;
    while (granted.length < i + 2) await quiet();
    // The release, and one look of the one that is next.
    t.equal(kv.calls.length - before, 2);
  }
  await all;
  const leases = keys.map((key) => BigInt(`0x${Buffer.from(key).toString().slice("lock/".length)}`));
  t.strictSame(granted, leases);
});

test("one in the middle goes: the one behind it waits for the next in front", async (t) => {
  const kv = new MemoryKv();
  const place = async (lease: bigint) => {
    await kv.leaseGrant({ ID: lease, TTL: 100 });
    return (await enter(kv, { name, lease, value }, {})).place;
  };
  const first = await place(1n);
  const second = await place(2n);
  const third = await place(3n);
  const gone = new AbortController();
  const waiting = untilFirst(kv, second, { signal: gone.signal });
  let granted = false;
  const last = untilFirst(kv, third, {}).then(() => (granted = true));
  gone.abort();
  await t.rejects(waiting, { code: "kv.canceled" });
  t.equal((await kv.range({ key: second.key })).count, 0, "its key went with it");
  await quiet();
  t.notOk(granted);
  await kv.deleteRange({ key: first.key });
  await last;
});

test("a lease that dies in the line is told at once", async (t) => {
  const kv = new MemoryKv();
  for (const ID of [1n, 2n]) await kv.leaseGrant({ ID, TTL: 100 });
  await enter(kv, { name, lease: 1n, value }, {});
  const { place } = await enter(kv, { name, lease: 2n, value }, {});
  const waiting = untilFirst(kv, place, {});
  await quiet();
  await kv.leaseRevoke({ ID: 2n });
  await t.rejects(waiting, { code: "kv.lease-not-found" });
});

test("a compaction while waiting, and a watch that breaks", async (t) => {
  const kv = new MemoryKv();
  for (const ID of [1n, 2n]) await kv.leaseGrant({ ID, TTL: 100 });
  const { place: first } = await enter(kv, { name, lease: 1n, value }, {});
  const { place } = await enter(kv, { name, lease: 2n, value }, {});
  const waiting = untilFirst(kv, place, {});
  await quiet();
  await kv.put({ key: bytes("other") });
  await kv.compact({ revision: kv.store.revision });
  await kv.deleteRange({ key: first.key });
  await waiting;
  const again = (await enter(kv, { name, lease: 1n, value }, {})).place;
  const broken = untilFirst(kv, again, {});
  await quiet();
  kv.breakWatches();
  await t.rejects(broken, { code: "kv.unavailable" });
  t.equal((await kv.range({ key: again.key })).count, 0, "the place is given up");
});

test("every call is made for the caller, without the bytes of his request", async (t) => {
  const kv = new MemoryKv();
  const seen: (CallOptions | undefined)[] = [];
  const spy = new Proxy(kv, {
    get(target, property) {
      const method = Reflect.get(target, property) as unknown;
      if (typeof method !== "function") return method;
      return (...args: unknown[]) => {
        seen.push(args[1] as CallOptions);
        return method.apply(target, args);
      };
    },
  });
  const caller: Caller = { user: "u", authRevision: 3 };
  const options: CallOptions = { caller, raw: bytes("request"), signal: new AbortController().signal };
  const holder = await enter(spy, { name, lease: await leaseOf(spy, 0n, options), value }, options);
  const next = await enter(spy, { name, lease: await leaseOf(spy, 0n, options), value }, options);
  const waiting = untilFirst(spy, next.place, options);
  await quiet();
  await kv.deleteRange({ key: holder.place.key });
  await waiting;
  const told = observe(spy, name, options);
  t.strictSame((await told.next()).value.kv?.key, next.place.key);
  await told.return?.(undefined as never);
  t.ok(seen.length >= 7);
  t.ok(seen.every((each) => each?.caller === caller && each.raw === undefined));
});

test("observers see who leads, through leaders that come and go", async (t) => {
  const kv = new MemoryKv();
  const told = observe(kv, bytes("e"), {});
  const next = async (): Promise<string> => Buffer.from((await told.next()).value.kv!.value).toString();
  const campaign = async (lease: bigint, text: string): Promise<Uint8Array> => {
    await kv.leaseGrant({ ID: lease, TTL: 100 });
    return (await enter(kv, { name: bytes("e"), lease, value: bytes(text) }, {})).place.key;
  };
  const first = next();
  const one = await campaign(1n, "one");
  t.equal(await first, "one");
  await campaign(2n, "two");
  const proclaimed = next();
  await kv.put({ key: one, value: bytes("uno"), lease: 1n });
  t.equal(await proclaimed, "uno");
  await kv.deleteRange({ key: one });
  t.equal(await next(), "two");
  await kv.leaseRevoke({ ID: 2n });
  const later = next();
  await campaign(3n, "three");
  t.equal(await later, "three");
});

async function overTheWire(t: Test, client: ConcurrencyClient): Promise<void> {
  t.teardown(() => client.close());
  await client.kv.leaseGrant({ ID: 1n, TTL: 100 });
  await client.kv.leaseGrant({ ID: 2n, TTL: 100 });
  const held = await client.call("Lock", { name, lease: 1n });
  const gone = new AbortController();
  const waiting = client.call("Lock", { name, lease: 2n }, gone.signal);
  await client.untilCount("lock/", 2);
  gone.abort();
  await t.rejects(waiting);
  await client.untilCount("lock/", 1);
  const again = client.call("Lock", { name, lease: 2n });
  await client.untilCount("lock/", 2);
  await client.call("Unlock", { key: held.key });
  t.strictSame(Buffer.from((await again).key).toString(), "lock/2");
}

test("a client that cancels leaves the line", async (t) => {
  const front = await startMemoryFront();
  t.teardown(() => front.stop());
  await overTheWire(t, new ConcurrencyClient(front.endpoint));
});

test("the same through a worker", async (t) => {
  const server = await startMemoryFront();
  t.teardown(() => server.stop());
  const modules = { clock: systemClock, logger: silent };
  const remote = new RemoteKv({ endpoints: [server.endpoint], requestTimeoutMs: 5000 }, modules);
  t.teardown(() => remote.close());
  const worker = await startFront(remote, { admin: remote });
  t.teardown(() => worker.stop());
  await overTheWire(t, new ConcurrencyClient(worker.endpoint));
});
