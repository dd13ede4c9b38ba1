/** RemoteKv between several servers of one store that stop, refuse and come back. */
import { getEventListeners } from "node:events";
import { test } from "tap";
import type { GrpcMethod } from "../../../../src/api/transport/grpc-method.ts";
import { silent } from "../../../../src/base/ports.ts";
import { Connections } from "../../../../src/host/kv-remote/connections.ts";
import { RemoteKv } from "../../../../src/host/kv-remote/remote-kv.ts";
import type { KvError, WatchResponse } from "../../../../src/store/kv.ts";
import { WatchResponse as WatchResponseCodec } from "../../../../src/store/wire/messages.ts";
import { systemClock } from "../../../compat/clock.ts";
import { freePort } from "../../../compat/etcd.ts";
import { startMemoryFront } from "../../../compat/memory-front.ts";
import { MemoryKv } from "../../../support/memory-kv.ts";
import { openPort } from "../../api/port.ts";

const modules = { clock: systemClock, logger: silent };
const key = Buffer.from("key");

/** Waits for a fact that another part of the process brings about. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
const codeOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "no error",
    (error: KvError) => error.code,
  );

test("malformed endpoints are refused with their text", async (t) => {
  for (const endpoint of ["http://", "https://a:1", "ftp://a:1", "a:1/path", "http://hostonly"]) {
    const create = (): RemoteKv => new RemoteKv({ endpoints: [endpoint], requestTimeoutMs: 1 }, modules);
    t.throws(create, { code: "kv-remote.bad-endpoint" }, endpoint);
  }
});

test("reads go to the next server, writes only when none has seen them", async (t) => {
  const kv = new MemoryKv();
  const [first, second] = [await startMemoryFront({ kv }), await startMemoryFront({ kv })];
  t.teardown(() => Promise.all([first.stop(), second.stop()]));
  const dead = `127.0.0.1:${await freePort()}`;
  const endpoints = [dead, first.endpoint, second.endpoint];
  const remote = new RemoteKv({ endpoints, requestTimeoutMs: 5000 }, modules);
  t.teardown(() => remote.close());

  await remote.put({ key });
  t.equal(kv.calls.length, 1, "a write passes a server that cannot be reached");
  kv.fail({ code: "kv.no-leader", method: "range" });
  t.equal((await remote.range({ key })).count, 1, "a read is asked again elsewhere");
  kv.fail({ code: "kv.leader-changed", method: "put", happens: true });
  t.equal(await codeOf(remote.put({ key })), "kv.leader-changed");
  t.equal(kv.calls.filter((call) => call.method === "put").length, 2, "a write is never sent again");
  t.equal((await remote.range({ key })).kvs[0]!.version, 2);
  kv.fail({ code: "kv.compacted", method: "range" });
  t.equal(await codeOf(remote.range({ key })), "kv.compacted", "a refusal is an answer, not a failure");
});

test("a call that is over leaves no listener on any signal", async (t) => {
  const signals: AbortSignal[] = [];
  const { any } = AbortSignal;
  AbortSignal.any = (of) => {
    signals.push(any.call(AbortSignal, of));
    return signals.at(-1)!;
  };
  t.teardown(() => {
    AbortSignal.any = any;
  });
  const front = await startMemoryFront();
  t.teardown(() => front.stop());
  const dead = `127.0.0.1:${await freePort()}`;
  const remote = new RemoteKv({ endpoints: [dead, front.endpoint], requestTimeoutMs: 5000 }, modules);
  t.teardown(() => remote.close());
  const { signal } = new AbortController();
  for (let i = 0; i < 3; i++) await remote.range({ key }, { signal });
  const nobody = new RemoteKv({ endpoints: [dead], requestTimeoutMs: 100 }, modules);
  t.teardown(() => nobody.close());
  t.equal(await codeOf(nobody.range({ key }, { signal })), "kv.unavailable");
  const left = [signal, ...signals].map((of) => getEventListeners(of, "abort").length);
  t.same(left, [0, 0, 0, 0, 0], "the caller's, and one of each call");
});

test("a connection that closed meanwhile answers a call instead of throwing", async (t) => {
  const front = await startMemoryFront();
  t.teardown(() => front.stop());
  const connections = new Connections({ endpoints: [front.endpoint] }, modules);
  t.teardown(() => connections.close());
  const connection = await connections.get();
  connection.destroy();
  const { signal } = new AbortController();
  const end = await connection.unary("/etcdserverpb.KV/Range", Buffer.alloc(0), {}, signal);
  t.equal(end.fate, "unseen");
});

test("a write in flight on a connection that dies is lost, a read is not", async (t) => {
  const kv = new MemoryKv();
  const [first, second] = [await startMemoryFront({ kv }), await startMemoryFront({ kv })];
  t.teardown(() => Promise.all([first.stop(), second.stop()]));
  const remote = new RemoteKv(
    { endpoints: [first.endpoint, second.endpoint], requestTimeoutMs: 5000 },
    modules,
  );
  t.teardown(() => remote.close());
  const release = kv.hold();
  const put = codeOf(remote.put({ key }));
  const range = remote.range({ key });
  await until(() => kv.calls.length === 2);
  await first.stop();
  t.equal(await put, "kv.unavailable");
  await until(() => kv.calls.length === 3);
  release();
  t.ok((await range).header);
  t.equal(kv.calls.filter((call) => call.method === "put").length, 1);
});

test("no server at all, a silent server, a closed client", async (t) => {
  const dead = `127.0.0.1:${await freePort()}`;
  const nobody = new RemoteKv({ endpoints: [dead], requestTimeoutMs: 100 }, modules);
  t.equal(await codeOf(nobody.put({ key })), "kv.unavailable");
  nobody.close();
  t.equal(await codeOf(nobody.put({ key })), "kv.stopped");

  const front = await startMemoryFront();
  t.teardown(() => front.stop());
  const release = front.kv.hold();
  const remote = new RemoteKv({ endpoints: [front.endpoint], requestTimeoutMs: 100 }, modules);
  t.equal(await codeOf(remote.range({ key })), "kv.timeout");
  release();
  remote.close();
});

test("a watch goes on at another server: no gap, no duplicate", async (t) => {
  const kv = new MemoryKv();
  const fronts = [await startMemoryFront({ kv }), await startMemoryFront({ kv })];
  const endpoints = fronts.map((front) => front.endpoint);
  const remote = new RemoteKv({ endpoints, requestTimeoutMs: 5000 }, modules);
  t.teardown(() => remote.close());
  const responses: WatchResponse[] = [];
  const watch = remote.openWatch({
    deliver: (response) => {
      responses.push(response);
      return true;
    },
    closed: (error) => t.fail(`closed ${error}`),
  });
  const revisions = (): number[] =>
    responses.flatMap((each) => each.events.map((one) => one.kv!.mod_revision));
  watch.create({ key });
  await until(() => responses.length === 1);
  const put = async (): Promise<number> => (await kv.put({ key })).header!.revision;
  const written = [await put(), await put()];
  await until(() => revisions().length === 2);

  // The first server goes away, and what happens while nobody is connected is not missed.
  const stopped = fronts[0]!.stop();
  written.push(await put());
  await stopped;
  written.push(await put());
  await until(() => revisions().length === 4);
  t.strictSame(revisions(), written);
  t.equal(responses.filter((each) => each.created).length, 1, "created is announced once");

  // Nobody is there for longer than history lasts.
  await fronts[1]!.stop();
  const last = await put();
  await put();
  await kv.compact({ revision: last + 1 });
  const port = Number(endpoints[1]!.split(":")[1]);
  const back = await startMemoryFront({ kv, port });
  t.teardown(() => back.stop());
  await until(() => responses.at(-1)!.canceled);
  t.equal(responses.at(-1)!.compact_revision, last + 1, "a resume below the compaction cancels");
  t.equal(responses.at(-1)!.watch_id, 0);
  watch.close();
});

test("an answer that cannot be read loses its call and nothing else", async (t) => {
  let opened = 0;
  const garbage = Buffer.from([0x0a, 5, 1]);
  const watchMethod: GrpcMethod = {
    kind: "bidi_stream",
    handle(stream) {
      const answer = opened++ === 0 ? garbage : WatchResponseCodec.encode({ created: true, watch_id: 1 });
      stream.onMessage = () => void stream.write(answer);
    },
  };
  const { port } = await openPort(t, new Map([["/etcdserverpb.Watch/Watch", watchMethod]]));
  const remote = new RemoteKv({ endpoints: [`127.0.0.1:${port}`], requestTimeoutMs: 5000 }, modules);
  t.teardown(() => remote.close());
  const responses: WatchResponse[] = [];
  const deliver = (response: WatchResponse): boolean => responses.push(response) > 0;
  const watch = remote.openWatch({ deliver, closed: (error) => t.fail(`closed ${error}`) });
  watch.create({ key });
  await until(() => responses.length === 1);
  t.ok(responses[0]!.created);
  t.equal(opened, 2, "opened again");
  watch.close();
});
