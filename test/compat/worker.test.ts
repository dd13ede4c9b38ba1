/** A whole worker in front of a whole server with auth: a client of the worker has the rights of its token, no more, no less. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "tap";
import { startAgent } from "../../src/agent/agent.ts";
import { parseConfig } from "../../src/agent/config.ts";
import { silent } from "../../src/base/ports.ts";
import { SystemRandom, systemClock } from "../../src/host/clock.ts";
import { RemoteKv } from "../../src/host/kv-remote/remote-kv.ts";
import { type Caller, KvError, type WatchResponse } from "../../src/store/kv.ts";
import { freePorts, startCluster } from "../support/agents.ts";
import { ConcurrencyClient, concurrencyStory } from "./concurrency-story.ts";
import { startMemoryFront } from "./memory-front.ts";

async function startWorker(
  t: { teardown(done: () => unknown): void },
  servers: readonly string[],
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "argosy-worker-"));
  const [port] = await freePorts(1);
  const config = parseConfig({
    name: "w1",
    role: "worker",
    servers: servers.map((endpoint) => `http://${endpoint}`).join(","),
    "data-dir": directory,
    "listen-client-urls": `http://127.0.0.1:${port}`,
    units: "off",
    network: "off",
  });
  const fatal = (error: unknown): never => {
    throw error;
  };
  const agent = await startAgent(config, {
    clock: systemClock,
    random: new SystemRandom(),
    logger: silent,
    fatal,
  });
  t.teardown(async () => {
    await agent.close();
    await rm(directory, { recursive: true, force: true });
  });
  return `127.0.0.1:${port}`;
}

const key = Buffer.from("key");
const refusal = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "no error",
    (error: KvError) => error.message,
  );

test("with auth", async (t) => {
  const cluster = await startCluster(1);
  t.teardown(() => cluster.close());
  const endpoint = await startWorker(t, [cluster.agents[0]!.endpoint]);
  const remote = new RemoteKv(
    { endpoints: [endpoint], requestTimeoutMs: 5000 },
    { clock: systemClock, logger: silent },
  );
  t.teardown(() => remote.close());
  const user = async (name: string): Promise<{ caller: Caller }> => {
    const { token } = await remote.call("Authenticate", { name, password: "p" });
    return { caller: { user: null, authRevision: 0, token } };
  };
  const plain = { options: undefined, hashedPassword: "" };
  await remote.call("UserAdd", { name: "root", password: "p", ...plain });
  await remote.call("UserAdd", { name: "reader", password: "p", ...plain });
  await remote.call("RoleAdd", { name: "root" });
  await remote.call("RoleAdd", { name: "read" });
  await remote.call("RoleGrantPermission", {
    name: "read",
    perm: { permType: 0, key, range_end: Buffer.alloc(0) },
  });
  await remote.call("UserGrantRole", { user: "root", role: "root" });
  await remote.call("UserGrantRole", { user: "reader", role: "read" });
  await remote.call("AuthEnable", {});

  t.equal(await refusal(remote.put({ key })), "etcdserver: user name is empty");
  const wrong = { caller: { user: null, authRevision: 0, token: "no.1" } };
  t.equal(await refusal(remote.put({ key }, wrong)), "etcdserver: invalid auth token");
  const [root, reader] = [await user("root"), await user("reader")];
  await remote.put({ key, value: key }, root);
  t.equal((await remote.range({ key }, reader)).count, 1);
  t.equal(await refusal(remote.put({ key }, reader)), "etcdserver: permission denied");
  t.equal(
    await refusal(remote.range({ key: Buffer.from("other") }, reader)),
    "etcdserver: permission denied",
  );
  t.equal(await refusal(remote.call("UserList", {}, reader)), "etcdserver: permission denied");
  t.strictSame((await remote.call("UserList", {}, root)).users.sort(), ["reader", "root"]);

  const watched = async (caller: Caller | undefined, watchedKey: Buffer): Promise<WatchResponse> => {
    const first = Promise.withResolvers<WatchResponse>();
    const sink = {
      deliver: (response: WatchResponse) => {
        first.resolve(response);
        return true;
      },
      closed: (error: KvError | null) => first.reject(error ?? new KvError("kv.stopped")),
    };
    const watch = remote.openWatch(sink, caller ? { caller } : {});
    watch.create({ key: watchedKey });
    return first.promise.finally(() => watch.close());
  };
  t.notOk((await watched(reader.caller, key)).canceled);
  const denied = await watched(reader.caller, Buffer.from("other"));
  t.match(denied.cancel_reason, /etcdserver: permission denied$/);
  t.ok((await watched(undefined, key)).canceled, "nobody in particular may watch nothing");

  let bytes = 0;
  for await (const { blob } of remote.snapshot(root)) bytes += blob.length;
  t.ok(bytes > 0, "a snapshot comes through");
  const readByReader = async (): Promise<void> => {
    for await (const _ of remote.snapshot(reader));
  };
  t.equal(await refusal(readByReader()), "etcdserver: permission denied");
});

test("lock and election, with the texts of a server", async (t) => {
  const [cluster, front] = [await startCluster(1), await startMemoryFront()];
  t.teardown(() => Promise.all([cluster.close(), front.stop()]));
  const endpoint = await startWorker(t, [cluster.agents[0]!.endpoint]);
  t.strictSame(await concurrencyStory(endpoint), await concurrencyStory(front.endpoint));
});

test("a lock outlasts a server, and the place in its line too", async (t) => {
  const cluster = await startCluster(3);
  t.teardown(() => cluster.close());
  const endpoint = await startWorker(
    t,
    cluster.agents.map((agent) => agent.endpoint),
  );
  const client = new ConcurrencyClient(endpoint);
  t.teardown(() => client.close());
  const name = Buffer.from("lock");
  for (const ID of [1n, 2n]) await client.kv.leaseGrant({ ID, TTL: 600 });
  const held = await client.call("Lock", { name, lease: 1n });
  const next = client.call("Lock", { name, lease: 2n });
  await client.untilCount("lock/", 2);
  // The worker is connected to the first.
  await cluster.agents[0]!.stop();
  while ((await refusal(client.call("Unlock", { key: held.key }))) !== "no error");
  t.equal(Buffer.from((await next).key).toString(), "lock/2");
});
