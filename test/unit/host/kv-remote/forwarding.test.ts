/** A worker between a client and a server: who calls, what is asked and what is answered arrive unchanged. */
import { test } from "tap";
import { silent } from "../../../../src/base/ports.ts";
import { Connections } from "../../../../src/host/kv-remote/connections.ts";
import type { CallEnd } from "../../../../src/host/kv-remote/grpc-call.ts";
import { RemoteKv } from "../../../../src/host/kv-remote/remote-kv.ts";
import { type AdminClient, type AdminRpc, adminPath, adminRpcs } from "../../../../src/store/admin.ts";
import { type Caller, type CallOptions, KvError, type WatchResponse } from "../../../../src/store/kv.ts";
import { SnapshotResponse } from "../../../../src/store/wire/admin-messages.ts";
import * as wire from "../../../../src/store/wire/messages.ts";
import { kvErrorOfStatus } from "../../../../src/store/wire/status.ts";
import { systemClock } from "../../../compat/clock.ts";
import { startFront } from "../../../compat/front.ts";
import { MemoryKv } from "../../../support/memory-kv.ts";

const modules = { clock: systemClock, logger: silent };
const key = Buffer.from("key");
const callerOf = (token: string): Caller => ({ user: null, authRevision: 0, token });

/** A store that notes for whom each call was made. */
class NotingKv extends MemoryKv {
  readonly callers: (Caller | undefined)[] = [];
  override range(request: object, options?: CallOptions): Promise<wire.RangeResponse> {
    this.callers.push(options?.caller);
    return super.range(request, options);
  }
  override put(request: object, options?: CallOptions): Promise<wire.PutResponse> {
    this.callers.push(options?.caller);
    return super.put(request, options);
  }
  override leaseKeepAlive(request: object, options?: CallOptions): Promise<wire.LeaseKeepAliveResponse> {
    this.callers.push(options?.caller);
    return super.leaseKeepAlive(request, options);
  }
  override async *rangeStream(_request: object, options?: CallOptions): AsyncIterable<wire.RangeResponse> {
    this.callers.push(options?.caller);
    yield wire.RangeResponse.create({ kvs: [wire.KeyValue.create({ key })] });
    yield wire.RangeResponse.create({ count: 1 });
  }
  override openWatch(sink: Parameters<MemoryKv["openWatch"]>[0], options?: Pick<CallOptions, "caller">) {
    this.callers.push(options?.caller);
    return super.openWatch(sink);
  }
}

interface Chain {
  readonly kv: NotingKv;
  readonly remote: RemoteKv;
  /** Calls the worker's own front. */
  ask(
    path: string,
    message: Uint8Array,
    metadata?: Record<string, string>,
  ): Promise<CallEnd & { message: Uint8Array | null }>;
}

async function chain(
  t: { teardown(done: () => unknown): void },
  admin: AdminClient,
  requestTimeoutMs = 5000,
): Promise<Chain> {
  const kv = new NotingKv();
  const server = await startFront(kv, { admin });
  const remote = new RemoteKv({ endpoints: [server.endpoint], requestTimeoutMs }, modules);
  const worker = await startFront(remote, { admin: remote });
  const connections = new Connections({ endpoints: [worker.endpoint] }, modules);
  t.teardown(async () => {
    connections.close();
    await worker.stop();
    remote.close();
    await server.stop();
  });
  const { signal } = new AbortController();
  return {
    kv,
    remote,
    ask: async (path, message, metadata = {}) =>
      (await connections.get()).unary(path, message, metadata, signal),
  };
}

const noAdmin: AdminClient = {
  call: () => Promise.reject(new KvError("kv.unimplemented")),
  snapshot: () => {
    throw new KvError("kv.unimplemented");
  },
};

test("token and hasleader arrive with every kind of call", async (t) => {
  const { kv, ask, remote } = await chain(t, noAdmin);
  const asked = { token: "secret", hasleader: "true" };
  const seen = (): (Caller | undefined)[] => kv.callers.splice(0);
  const whole = { user: null, authRevision: 0, token: "secret", requiresLeader: true };
  await ask("/etcdserverpb.KV/Put", wire.PutRequest.encode({ key }), asked);
  await ask("/etcdserverpb.KV/Range", wire.RangeRequest.encode({ key }), asked);
  await ask("/etcdserverpb.Lease/LeaseKeepAlive", wire.LeaseKeepAliveRequest.encode({ ID: 1n }), asked);
  await ask("/etcdserverpb.KV/RangeStream", wire.RangeRequest.encode({ key }), asked);
  t.strictSame(seen(), [whole, whole, whole, whole]);
  await ask("/etcdserverpb.KV/Range", wire.RangeRequest.encode({ key }), { authorization: "Bearer other" });
  await ask("/etcdserverpb.KV/Range", wire.RangeRequest.encode({ key }));
  t.strictSame(seen(), [callerOf("other"), { user: null, authRevision: 0 }]);
  const created = Promise.withResolvers<WatchResponse>();
  const deliver = (response: WatchResponse): boolean => {
    created.resolve(response);
    return true;
  };
  const watch = remote.openWatch({ deliver, closed: () => {} }, { caller: callerOf("mine") });
  watch.create({ key });
  t.ok((await created.promise).created);
  t.equal(seen()[0]?.token, "mine");
  watch.close();
});

test("every admin rpc", async (t) => {
  const calls: { name: AdminRpc; token: string | undefined }[] = [];
  const admin: AdminClient = {
    ...noAdmin,
    async call(name, _request, options) {
      calls.push({ name, token: options?.caller?.token });
      return adminRpcs[name].response.create({}) as never;
    },
  };
  const { ask } = await chain(t, admin);
  const names = Object.keys(adminRpcs) as AdminRpc[];
  for (const name of names) await ask(adminPath(name), Buffer.alloc(0), { token: "root" });
  t.strictSame(
    calls,
    names.map((name) => ({ name, token: "root" })),
  );
});

test("a call that rightly takes long outlives the request's deadline, another does not", async (t) => {
  const release = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const admin: AdminClient = {
    ...noAdmin,
    async call(name) {
      started.resolve();
      await release.promise;
      return adminRpcs[name].response.create({}) as never;
    },
  };
  const { remote } = await chain(t, admin, 50);
  const long = remote.call("Defragment", {});
  await started.promise;
  await t.rejects(remote.call("UserAdd", { name: "n" } as never), { code: "kv.timeout" });
  release.resolve();
  await long;
});

test("a snapshot comes in pieces, and only as fast as it is read", async (t) => {
  let taken = 0;
  let ended = false;
  const admin: AdminClient = {
    ...noAdmin,
    async *snapshot() {
      try {
        for (; taken < 1000; taken++) {
          yield SnapshotResponse.create({
            remaining_bytes: 1000 - taken,
            blob: Buffer.alloc(64 * 1024, taken),
          });
        }
      } finally {
        ended = true;
      }
    },
  };
  const { remote } = await chain(t, admin);
  let count = 0;
  for await (const piece of remote.snapshot()) {
    t.equal(piece.blob[0], count & 0xff);
    if (++count === 20) break;
  }
  t.ok(taken < 500, `${taken} pieces were made`);
  while (!ended) await new Promise((resolve) => setImmediate(resolve));
  taken = 990;
  count = 0;
  for await (const _ of remote.snapshot()) count++;
  t.equal(count, 10);
});

test("RangeStream: the server's pieces, or one piece of a server that has no such rpc", async (t) => {
  const { remote, kv } = await chain(t, noAdmin);
  const pieces: wire.RangeResponse[] = [];
  for await (const piece of remote.rangeStream({ key })) pieces.push(piece);
  t.equal(pieces.length, 2);
  kv.rangeStream = () => {
    throw new KvError("kv.unimplemented", "unknown method RangeStream for service etcdserverpb.KV");
  };
  await kv.put({ key });
  const whole: wire.RangeResponse[] = [];
  for await (const piece of remote.rangeStream({ key })) whole.push(piece);
  t.equal(whole.length, 1);
  t.equal(whole[0]!.count, 1);
});

test("errors arrive as they were sent, foreign ones too", async (t) => {
  const { kv, ask } = await chain(t, noAdmin);
  const range = async (): Promise<string> => {
    const { status } = await ask("/etcdserverpb.KV/Put", wire.PutRequest.encode({ key }));
    return `${status.code} ${status.message}`;
  };
  kv.fail({ code: "auth.invalid-token" });
  t.equal(await range(), "16 etcdserver: invalid auth token");
  kv.fail({ code: "auth.permission-denied" });
  t.equal(await range(), "7 etcdserver: permission denied");
  const foreign = kvErrorOfStatus({ code: 9, message: "of a later version" });
  kv.put = () => Promise.reject(foreign);
  t.equal(await range(), "9 of a later version");
});

test("who requires a leader hears at once that nobody has one", async (t) => {
  const { kv, ask, remote } = await chain(t, noAdmin);
  kv.fail({ code: "kv.no-leader", count: 1000 });
  const { status } = await ask("/etcdserverpb.KV/Range", wire.RangeRequest.encode({ key }), {
    hasleader: "true",
  });
  t.equal(status.message, "etcdserver: no leader");
  t.equal(kv.callers.length, 1, "asked once");
  const closed = Promise.withResolvers<KvError | null>();
  const caller = { user: null, authRevision: 0, requiresLeader: true };
  const watch = remote.openWatch({ deliver: () => true, closed: closed.resolve }, { caller });
  watch.create({ key });
  while (kv.callers.length < 2) await new Promise((resolve) => setImmediate(resolve));
  // The one server is asked again, and says the same.
  kv.openWatch = (sink) => {
    queueMicrotask(() => sink.closed(new KvError("kv.no-leader")));
    return { create() {}, cancel() {}, requestProgress() {}, resume() {}, close() {} };
  };
  kv.breakWatches("kv.no-leader");
  t.equal((await closed.promise)?.code, "kv.no-leader");
});
