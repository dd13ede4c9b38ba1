/** What users of the npm library `etcd3` do with it, as one list of checks; run unmodified against us and against etcd. */
import {
  Etcd3,
  EtcdAuthenticationFailedError,
  EtcdInvalidAuthTokenError,
  EtcdLeaseInvalidError,
  EtcdLockFailedError,
  EtcdPermissionDeniedError,
  EtcdRoleExistsError,
  EtcdRoleNotFoundError,
  EtcdUserExistsError,
  EtcdUserNotFoundError,
  GRPCOutOfRangeError,
} from "etcd3";
import type { Test } from "tap";

/** A server that can be killed and come back on its port with its data. */
export interface Restartable {
  readonly endpoint: string;
  restart(): Promise<void>;
}

export type Etcd3Check = (t: Test, client: Etcd3, server: Restartable) => Promise<void>;

/** Resolves with the next `event` of an emitter. */
function once<Value>(emitter: { on(event: never, handler: never): unknown }, event: string): Promise<Value> {
  const on = emitter.on.bind(emitter) as unknown as (event: string, handler: (value: Value) => void) => void;
  return new Promise((resolve) => on(event, resolve));
}

/** The promise rejects with an error of one of these classes. */
async function refused(
  t: Test,
  promise: Promise<unknown>,
  ...kinds: ReadonlyArray<new (message: string) => Error>
): Promise<void> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  const is = kinds.some((kind) => error instanceof kind);
  t.ok(is, `${kinds.map(({ name }) => name).join(" or ")}${is ? "" : `: ${String(error)}`}`);
}

async function basics(t: Test, client: Etcd3): Promise<void> {
  await client.put("foo").value("bar");
  t.equal(await client.get("foo").string(), "bar");
  t.equal(await client.get("missing").string(), null);
  await client.put("foo2").value("bar2");
  await client.put("number").value(42);
  t.equal(await client.get("number").number(), 42);
  t.strictSame(await client.getAll().prefix("foo").strings(), { foo: "bar", foo2: "bar2" });
  t.strictSame(await client.getAll().prefix("foo").sort("Key", "Descend").limit(1).keys(), ["foo2"]);
  t.equal(await client.getAll().prefix("foo").count(), 2);
  const { header } = await client.put("foo").value("later").exec();
  const before = Number(header.revision) - 1;
  t.equal(await client.get("foo").revision(before).string(), "bar");
  const beyond = client
    .get("foo")
    .revision(Number(header.revision) + 100)
    .string();
  await refused(t, beyond, GRPCOutOfRangeError);
  t.equal((await client.delete().prefix("foo").exec()).deleted, "2");
  const binary = Buffer.from([0, 255, 1, 254]);
  await client.put(binary).value(binary);
  t.ok((await client.get(binary).buffer())!.equals(binary));
}

async function transactions(t: Test, client: Etcd3): Promise<void> {
  await client.put("txn").value("1");
  const swap = (from: string, to: string) =>
    client
      .if("txn", "Value", "==", from)
      .and("absent", "Create", "==", 0)
      .then(client.put("txn").value(to))
      .else(client.get("txn"))
      .commit();
  t.equal((await swap("1", "2")).succeeded, true);
  const second = await swap("1", "3");
  t.equal(second.succeeded, false);
  t.equal(second.responses[0]!.response_range.kvs[0]!.value.toString(), "2");
}

async function namespaces(t: Test, client: Etcd3): Promise<void> {
  const inner = client.namespace("name/space/");
  await inner.put("a").value("1");
  t.equal(await client.get("name/space/a").string(), "1");
  t.strictSame(await inner.getAll().strings(), { a: "1" });
  const watcher = await inner.watch().prefix("").create();
  const seen = once<{ key: Buffer }>(watcher, "put");
  await inner.put("b").value("2");
  t.equal((await seen).key.toString(), "b");
  await watcher.cancel();
  await inner.delete().all();
  t.equal(await client.get("name/space/a").exists(), false);
}

async function leases(t: Test, client: Etcd3): Promise<void> {
  const lease = client.lease(10);
  const established = once(lease, "keepaliveEstablished");
  await lease.put("leased").value("x");
  t.equal((await lease.keepaliveOnce()).TTL, "10");
  await established;
  const id = await lease.grant();
  const life = await client.leaseClient.leaseTimeToLive({ ID: id, keys: true });
  t.equal(life.grantedTTL, "10");
  t.strictSame(life.keys.map(String), ["leased"]);
  await lease.revoke();
  t.equal(await client.get("leased").string(), null);
  await refused(t, lease.put("leased").value("y").exec(), EtcdLeaseInvalidError);
  const lost = client.lease(60, { autoKeepAlive: false });
  await client.leaseClient.leaseRevoke({ ID: await lost.grant() });
  await refused(t, lost.keepaliveOnce(), EtcdLeaseInvalidError);
}

async function locks(t: Test, client: Etcd3): Promise<void> {
  const held = await client.lock("lock").ttl(10).acquire();
  await refused(t, client.lock("lock").ttl(10).acquire(), EtcdLockFailedError);
  await held.release();
  const result = await client.lock("lock").do(() => "done");
  t.equal(result, "done");
}

async function elections(t: Test, client: Etcd3): Promise<void> {
  const election = client.election("election", 10);
  const observer = await election.observe();
  const first = election.campaign("one");
  await once(first, "elected");
  while (observer.leader() !== "one") await once(observer, "change");
  await first.proclaim("eins");
  while (observer.leader() !== "eins") await once(observer, "change");
  const second = client.election("election", 10).campaign("two");
  const elected = once(second, "elected");
  await first.resign();
  await elected;
  while (observer.leader() !== "two") await once(observer, "change");
  t.equal(observer.leader(), "two");
  await second.resign();
  await observer.cancel();
}

/** Two of the library's isolation levels; it exports them as a constant enum, which cannot be imported. */
const serializableSnapshot = 0;
const repeatableReads = 2;

type IsolationOf = NonNullable<NonNullable<Parameters<Etcd3["stm"]>[0]>["isolation"]>;

async function stm(t: Test, client: Etcd3): Promise<void> {
  // In one revision: the library takes a written key that is younger than the oldest one read for a conflict.
  await client
    .if("account/a", "Create", "==", 0)
    .then(client.put("account/a").value(100), client.put("account/b").value(0))
    .commit();
  const moved = (isolation: IsolationOf): Promise<void> =>
    client.stm({ retries: 50, isolation }).transact(async (tx) => {
      const from = await tx.get("account/a").number();
      const to = await tx.get("account/b").number();
      await tx.put("account/a").value(from! - 1);
      await tx.put("account/b").value(to! + 1);
    });
  for (const isolation of [serializableSnapshot, repeatableReads]) {
    await Promise.all(Array.from({ length: 8 }, () => moved(isolation)));
  }
  t.equal(await client.get("account/a").number(), 84);
  t.equal(await client.get("account/b").number(), 16);
}

async function watches(t: Test, client: Etcd3, server: Restartable): Promise<void> {
  const watcher = await client.watch().prefix("watched/").withPreviousKV().create();
  const seen: string[] = [];
  let wake = (): void => {};
  const note = (line: string): void => {
    seen.push(line);
    wake();
  };
  watcher.on("put", (kv, previous) =>
    note(`put ${kv.key} ${kv.value} over ${previous ? String(previous.value) : "nothing"}`),
  );
  watcher.on("delete", (kv, previous) => note(`delete ${kv.key} of ${previous!.value}`));
  watcher.on("error", (error) => t.fail(String(error)));
  const until = async (count: number): Promise<void> => {
    while (seen.length < count) await new Promise<void>((resolve) => (wake = resolve));
  };
  await client.put("watched/a").value("1");
  await client.put("watched/a").value("2");
  await until(2);
  // The server goes away; what is written as soon as it is back comes to the watcher as well, once.
  const away = once(watcher, "disconnected");
  await server.restart();
  await away;
  await patiently(() => client.put("watched/b").value("3").exec());
  await client.delete().key("watched/a");
  await until(4);
  t.strictSame(seen, [
    "put watched/a 1 over nothing",
    "put watched/a 2 over 1",
    "put watched/b 3 over nothing",
    "delete watched/a of 2",
  ]);
  await watcher.cancel();
}

/** Until the library has found its server again. */
async function patiently<Value>(call: () => Promise<Value>): Promise<Value> {
  for (let left = 100; ; left--) {
    try {
      return await call();
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** The last one: it turns auth on and off again. */
async function auth(t: Test, client: Etcd3, server: Restartable): Promise<void> {
  const root = client.user("root");
  await root.create("secret");
  await refused(t, root.create("again"), EtcdUserExistsError);
  const rootRole = client.role("root");
  await rootRole.create();
  await refused(t, rootRole.create(), EtcdRoleExistsError);
  await root.addRole("root");
  const role = await client.role("reader").create();
  await role.grant({ permission: "Read", range: client.range({ prefix: "public/" }) });
  await role.grant({ permission: "Readwrite", key: "own" });
  t.equal((await role.permissions()).length, 2);
  const bob = await client.user("bob").create("hope");
  await bob.addRole(role);
  t.strictSame(
    (await bob.roles()).map(({ name }) => name),
    ["reader"],
  );
  await refused(t, client.user("nobody").delete(), EtcdUserNotFoundError);
  await refused(t, client.role("nothing").delete(), EtcdRoleNotFoundError);
  await client.auth.authEnable();

  const connect = (username: string, password: string): Etcd3 =>
    new Etcd3({ hosts: server.endpoint, auth: { username, password } });
  const asRoot = connect("root", "secret");
  const asBob = connect("bob", "hope");
  const asStranger = connect("bob", "wrong");
  try {
    await asRoot.put("public/news").value("all well");
    t.equal(await asBob.get("public/news").string(), "all well");
    await refused(t, asBob.put("public/news").value("mine").exec(), EtcdPermissionDeniedError);
    await refused(t, asBob.get("private").string(), EtcdPermissionDeniedError);
    await asBob.put("own").value("mine");
    await refused(t, asStranger.get("public/news").string(), EtcdAuthenticationFailedError);
    await t.rejects(client.get("public/news").string(), /user name is empty/);
    const watcher = await asBob.watch().prefix("public/").create();
    const seen = once<{ value: Buffer }>(watcher, "put");
    await asRoot.put("public/news").value("still well");
    t.equal((await seen).value.toString(), "still well");
    await watcher.cancel();
    await asRoot.user("bob").setPassword("changed");
    // The library's token died with the password; it logs in again by itself, with the old one, and says so.
    await refused(
      t,
      asBob.get("public/news").string(),
      EtcdAuthenticationFailedError,
      EtcdInvalidAuthTokenError,
    );
  } finally {
    await asRoot.auth.authDisable();
    for (const one of [asRoot, asBob, asStranger]) one.close();
  }
  t.equal(await client.get("own").string(), "mine");
}

export const etcd3Checks: Readonly<Record<string, Etcd3Check>> = {
  "put, get, ranges": basics,
  transactions,
  namespaces,
  leases,
  locks,
  elections,
  "software transactional memory": stm,
  "watch, with a restart of the server": watches,
  auth,
};
