/**
 * Auth over a cluster of three whole agents: what is said to one member holds on all, in the order of the log. The gate, the
 * member and the admin table are called as the gRPC front calls them.
 */
import { generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Test, test } from "tap";
import type { AdminRequest, AdminRpc } from "../../src/store/admin.ts";
import { adminRpcs } from "../../src/store/admin.ts";
import type { Caller, WatchResponse } from "../../src/store/kv.ts";
import { LeaseGrantRequest, WatchCreateRequest } from "../../src/store/wire/messages.ts";
import { startCluster, type TestAgent, type TestCluster } from "../support/agents.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const putPath = "/etcdserverpb.KV/Put";
const watchPath = "/etcdserverpb.Watch/Watch";
const anonymous: Caller = { user: null, authRevision: 0 };

async function admitted(at: TestAgent, token: string, path = putPath): Promise<Caller> {
  return at.agent.server!.gate.admit(path, new Map([["token", token]]));
}

/** Calls as the front does: a whole request, and a caller. */
function ask<Name extends AdminRpc>(
  at: TestAgent,
  name: Name,
  request: Partial<AdminRequest<Name>> = {},
  caller: Caller = anonymous,
) {
  const whole = adminRpcs[name].request.create(request as object) as AdminRequest<Name>;
  return at.agent.server!.admin.call(name, whole, { caller });
}

async function login(at: TestAgent, name: string, password: string): Promise<string> {
  return (await ask(at, "Authenticate", { name, password })).token;
}

/** root with everything, u with "a" to "c"; auth is on. */
async function withAuth(t: Test, flags: Record<string, string> = {}): Promise<TestCluster> {
  const cluster = await startCluster(3, { "bcrypt-cost": "4", ...flags });
  t.teardown(() => cluster.close());
  const [one] = cluster.agents as [TestAgent];
  await ask(one, "UserAdd", { name: "root", password: "rootpw" });
  await ask(one, "UserGrantRole", { user: "root", role: "root" });
  await ask(one, "UserAdd", { name: "u", password: "pw" });
  await ask(one, "RoleAdd", { name: "r" });
  const perm = { permType: 2, key: bytes("a"), range_end: bytes("c") };
  await ask(one, "RoleGrantPermission", { name: "r", perm });
  await ask(one, "UserGrantRole", { user: "u", role: "r" });
  await ask(one, "AuthEnable");
  return cluster;
}

test("a token that one member gave is good at the others at once", { timeout: 60_000 }, async (t) => {
  const { agents } = await withAuth(t);
  for (let round = 0; round < 5; round++) {
    for (const at of agents) {
      const token = await login(at, "u", "pw");
      for (const other of agents) {
        const caller = await admitted(other, token);
        await other.agent.kv.put({ key: bytes("a"), value: bytes("1") }, { caller });
        await t.rejects(other.agent.kv.put({ key: bytes("x") }, { caller }), {
          code: "auth.permission-denied",
        });
      }
    }
  }
  await t.rejects(admitted(agents[0]!, `${"A".repeat(16)}.999999999`), { code: "auth.invalid-token" });
});

test("what was acknowledged by one member counts at the others", { timeout: 60_000 }, async (t) => {
  const { agents } = await withAuth(t);
  const [one, two, three] = agents as [TestAgent, TestAgent, TestAgent];
  const root = await admitted(one, await login(one, "root", "rootpw"));
  for (let round = 0; round < 10; round++) {
    const u = await admitted(two, await login(two, "u", "pw"));
    await ask(one, "UserRevokeRole", { name: "u", role: "r" }, root);
    await t.rejects(two.agent.kv.range({ key: bytes("a") }, { caller: u }), {
      code: "auth.permission-denied",
    });
    await ask(one, "UserGrantRole", { user: "u", role: "r" }, root);
    await two.agent.kv.range({ key: bytes("a") }, { caller: u });
    await three.agent.kv.put({ key: bytes("a") }, { caller: await admitted(three, u.token!) });
  }
  await ask(one, "AuthDisable", {}, root);
  await three.agent.kv.put({ key: bytes("x") }, { caller: anonymous });
});

test("every kind of call asks who calls", { timeout: 60_000 }, async (t) => {
  const { agents } = await withAuth(t);
  const [one, two] = agents as [TestAgent, TestAgent];
  const { kv, server } = two.agent;
  const root = await admitted(two, await login(one, "root", "rootpw"));
  const u = await admitted(two, await login(one, "u", "pw"));
  const all = { key: bytes("\0"), range_end: bytes("\0") };
  const { ID } = await kv.leaseGrant({ TTL: 600 }, { caller: u });
  await kv.put({ key: bytes("x"), lease: ID }, { caller: root });
  const calls: Record<string, (caller: Caller) => Promise<unknown>> = {
    range: (caller) => kv.range(all, { caller }),
    stale: (caller) => kv.range({ ...all, serializable: true }, { caller }),
    stream: async (caller) => {
      for await (const _ of kv.rangeStream(all, { caller }));
    },
    put: (caller) => kv.put({ key: bytes("y") }, { caller }),
    attach: (caller) => kv.put({ key: bytes("a"), lease: ID }, { caller }),
    delete: (caller) => kv.deleteRange({ key: bytes("y") }, { caller }),
    txn: (caller) => kv.txn({ failure: [{ request_put: { key: bytes("y") } }] }, { caller }),
    read: (caller) => kv.txn({ success: [{ request_range: all }] }, { caller }),
    compact: (caller) => kv.compact({ revision: 2 }, { caller }),
    keepAlive: (caller) => kv.leaseKeepAlive({ ID }, { caller }),
    timeToLive: (caller) => kv.leaseTimeToLive({ ID }, { caller }),
    leases: (caller) => kv.leaseLeases({}, { caller }),
    snapshot: async (caller) => {
      for await (const _ of server!.admin.snapshot({ caller })) break;
    },
    revoke: (caller) => kv.leaseRevoke({ ID }, { caller }),
  };
  for (const [name, call] of Object.entries(calls)) {
    await t.rejects(call(anonymous), { code: "auth.user-empty" }, `${name} by nobody`);
    await t.rejects(call(u), { code: "auth.permission-denied" }, `${name} by u`);
    await t.resolves(call(root), `${name} by root`);
  }
  const open: Record<string, (caller: Caller) => Promise<unknown>> = {
    leaseGrant: (caller) => kv.leaseGrant(LeaseGrantRequest.create({ TTL: 60 }), { caller }),
    memberList: (caller) => kv.memberList({}, { caller }),
    status: (caller) => kv.status({}, { caller }),
  };
  for (const [name, call] of Object.entries(open)) {
    await t.rejects(call(anonymous), { code: "auth.user-empty" }, `${name} by nobody`);
    await t.resolves(call(u), `${name} by anyone`);
  }
  await t.resolves(kv.range(all), "the agent itself");
  t.match(await ask(two, "AuthStatus"), { enabled: true });
  t.match(await ask(two, "UserGet", { name: "u" }, u), { roles: ["r"] });
  await t.rejects(ask(two, "UserList", {}, u), { code: "auth.permission-denied" });
  await t.rejects(ask(two, "UserAdd", { name: "v", password: "x" }), { code: "auth.user-empty" });
});

test("logins: every refusal", { timeout: 60_000 }, async (t) => {
  const cluster = await startCluster(1, { "bcrypt-cost": "4" });
  t.teardown(() => cluster.close());
  const [one] = cluster.agents as [TestAgent];
  await t.rejects(login(one, "root", "x"), { code: "auth.not-enabled" });
  await ask(one, "UserAdd", { name: "root", password: "rootpw" });
  await ask(one, "UserGrantRole", { user: "root", role: "root" });
  await ask(one, "UserAdd", { name: "cert", options: { no_password: true } });
  await ask(one, "UserAdd", { name: "empty" });
  const hash = "$2a$04$wK7Rjs/bYXdKz7oOgb0kUuAu0eB3o04T.yYYh1FwKXk6WTZSPJdVu";
  await ask(one, "UserAdd", { name: "given", hashedPassword: Buffer.from(hash).toString("base64") });
  await t.rejects(ask(one, "UserAdd", { name: "bad", hashedPassword: "cHc=" }), {
    code: "auth.invalid-management",
  });
  await ask(one, "AuthEnable");
  await t.rejects(login(one, "", "x"), { code: "auth.user-empty" });
  await t.rejects(login(one, "nobody", "x"), { code: "auth.failed" });
  await t.rejects(login(one, "root", "x"), { code: "auth.failed" });
  await t.rejects(login(one, "cert", ""), { code: "auth.no-password-user" });
  await t.rejects(login(one, "given", "x"), { code: "auth.failed" });
  t.match(await login(one, "empty", ""), /^[A-Za-z]{16}\.\d+$/);
  const before = await login(one, "root", "rootpw");
  const root = await admitted(one, before);
  await ask(one, "UserChangePassword", { name: "root", password: "new" }, root);
  await t.rejects(admitted(one, before), { code: "auth.invalid-token" });
  await t.rejects(login(one, "root", "rootpw"), { code: "auth.failed" });
  t.ok(await login(one, "root", "new"));
});

test("watchers are refused, and canceled, in etcd's words", { timeout: 60_000 }, async (t) => {
  const { agents } = await withAuth(t);
  const [one, two] = agents as [TestAgent, TestAgent];
  const root = await admitted(one, await login(one, "root", "rootpw"));
  const u = await admitted(two, await login(two, "u", "pw"), watchPath);
  const heard: WatchResponse[] = [];
  let wake = (): void => {};
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise<void>((resolve) => (wake = resolve));
  };
  const open = (caller: Caller) =>
    two.agent.kv.openWatch(
      {
        deliver(response) {
          heard.push(response);
          wake();
          return true;
        },
        closed() {},
      },
      { caller },
    );
  const denied = "rpc error: code = PermissionDenied desc = etcdserver: permission denied";
  const watch = open(u);
  const create = (key: string, end = "", start = 0): void =>
    watch.create(
      WatchCreateRequest.create({ key: bytes(key), range_end: bytes(end), start_revision: start }),
    );
  create("a", "\0");
  create("a", "a", -1);
  create("x", "x");
  create("a", "c");
  create("b");
  await until(() => heard.length === 5);
  t.same(
    heard.map(({ watch_id, created, canceled, cancel_reason }) => [
      watch_id,
      created,
      canceled,
      cancel_reason,
    ]),
    [
      [-1, true, true, denied],
      [-1, true, true, "etcdserver: mvcc: required revision has been compacted"],
      [-1, true, true, denied],
      [0, true, false, ""],
      [1, true, false, ""],
    ],
  );
  const strangers = [
    [anonymous, "rpc error: code = InvalidArgument desc = etcdserver: user name is empty"],
    [
      await admitted(two, "none", watchPath),
      "rpc error: code = Unauthenticated desc = etcdserver: invalid auth token",
    ],
  ] as const;
  for (const [caller, reason] of strangers) {
    heard.length = 0;
    open(caller).create(WatchCreateRequest.create({ key: bytes("a") }));
    await until(() => heard.length === 1);
    t.match(heard[0], { watch_id: -1, created: true, canceled: true, cancel_reason: reason });
  }
  heard.length = 0;
  await one.agent.kv.put({ key: bytes("b"), value: bytes("seen") }, { caller: root });
  await ask(one, "RoleRevokePermission", { role: "r", key: bytes("a"), range_end: bytes("c") }, root);
  const perm = { permType: 0, key: bytes("b"), range_end: bytes("") };
  await ask(one, "RoleGrantPermission", { name: "r", perm }, root);
  await one.agent.kv.put({ key: bytes("b"), value: bytes("not seen") }, { caller: root });
  await until(() => heard.filter(({ canceled }) => canceled).length === 2);
  t.same(
    heard.filter(({ canceled }) => canceled).map(({ watch_id, cancel_reason }) => [watch_id, cancel_reason]),
    [
      [0, denied],
      [1, denied],
    ],
  );
  const values = heard.flatMap(({ events }) => events.map(({ kv }) => Buffer.from(kv!.value).toString()));
  t.same([...new Set(values)], values.length > 0 ? ["seen"] : [], "nothing after the change");
});

test("a user that comes again does not get the calls of the one that went", {
  timeout: 60_000,
}, async (t) => {
  const { agents } = await withAuth(t);
  const [one, two] = agents as [TestAgent, TestAgent];
  const root = await admitted(one, await login(one, "root", "rootpw"));
  const token = await login(two, "u", "pw");
  const former = await admitted(two, token);
  await two.agent.kv.put({ key: bytes("a") }, { caller: former });
  await ask(one, "UserDelete", { name: "u" }, root);
  await ask(one, "UserAdd", { name: "u", password: "pw" }, root);
  await ask(one, "UserGrantRole", { user: "u", role: "root" }, root);
  const { kv } = two.agent.server!;
  const calls: Record<string, () => Promise<unknown>> = {
    put: () => kv.put({ key: bytes("a") }, { caller: former }),
    range: () => kv.range({ key: bytes("a") }, { caller: former }),
    txn: () => kv.txn({ success: [{ request_put: { key: bytes("a") } }] }, { caller: former }),
    attach: () => kv.leaseTimeToLive({ ID: 1n }, { caller: former }),
  };
  for (const [name, call] of Object.entries(calls)) {
    await t.rejects(call(), { code: "auth.old-revision" }, name);
  }
  await t.rejects(admitted(two, token), { code: "auth.invalid-token" });
  const now = await admitted(two, await login(two, "u", "pw"));
  await ask(one, "UserChangePassword", { name: "u", password: "other" }, root);
  await t.rejects(kv.put({ key: bytes("a") }, { caller: now }), { code: "auth.old-revision" }, "password");
  const last = await admitted(two, await login(two, "u", "other"));
  await ask(one, "AuthDisable", {}, root);
  await kv.barrier();
  await kv.put({ key: bytes("a") }, { caller: last });
  await ask(one, "AuthEnable");
  await t.rejects(kv.put({ key: bytes("a") }, { caller: last }), { code: "auth.old-revision" }, "off and on");
});

test("users outlive a restart; simple tokens do not", { timeout: 60_000 }, async (t) => {
  const { agents } = await withAuth(t);
  const token = await login(agents[0]!, "u", "pw");
  for (const at of agents) await at.stop();
  await Promise.all(agents.map((at) => at.start()));
  await Promise.all(agents.map(({ agent }) => agent.server!.published));
  await t.rejects(admitted(agents[1]!, token), { code: "auth.invalid-token" });
  const caller = await admitted(agents[1]!, await login(agents[2]!, "u", "pw"));
  await agents[1]!.agent.kv.put({ key: bytes("a") }, { caller });
  await t.rejects(agents[1]!.agent.kv.put({ key: bytes("x") }, { caller }), {
    code: "auth.permission-denied",
  });
});

test("our own HTTP interfaces are closed while auth is on", { timeout: 60_000 }, async (t) => {
  const { agents } = await withAuth(t);
  const [one] = agents as [TestAgent];
  const leader = agents.find(({ agent }) => agent.server!.shell.role === "leader")!;
  const follower = agents.find((each) => each !== leader)!;
  const root = await admitted(one, await login(one, "root", "rootpw"));
  const asRoot = <Name extends AdminRpc>(name: Name, request: Partial<AdminRequest<Name>>) =>
    ask(one, name, request, root);
  for (const [user, from, to] of [
    ["fleet", "/_coreos.com/fleet/", "/_coreos.com/fleet0"],
    ["net", "/coreos.com/network/", "/coreos.com/network0"],
  ] as const) {
    await asRoot("UserAdd", { name: user, password: user });
    await asRoot("RoleAdd", { name: user });
    const perm = { permType: 0, key: bytes(from), range_end: bytes(to) };
    await asRoot("RoleGrantPermission", { name: user, perm });
    await asRoot("UserGrantRole", { user, role: user });
  }
  await asRoot("UserGrantRole", { user: "u", role: "fleet" });
  await asRoot("UserGrantRole", { user: "u", role: "net" });
  const request = async (
    at: TestAgent,
    path: string,
    authorization?: string,
    method = "GET",
    body?: string,
  ) => {
    const headers = authorization ? { authorization } : {};
    const url = `http://${at.endpoint}${path}`;
    return fetch(url, { method, headers, ...(body ? { body } : {}) });
  };
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
  const set = async (authorization?: string): Promise<number> =>
    (await request(one, "/argosy/v1/network/config", authorization, "PUT", '{"Network":"10.5.0.0/16"}'))
      .status;
  t.equal(await set(), 401);
  t.equal(await set(basic("root:wrong")), 401);
  t.equal(await set(basic("u:pw")), 403);
  t.equal(await set("nonsense"), 401);
  t.equal(await set(basic("root:rootpw")), 204);
  t.equal(await set(await login(one, "root", "rootpw")), 204);
  t.equal(await set(`Bearer ${await login(one, "u", "pw")}`), 403);
  for (const method of ["PUT", "DELETE", "PATCH", "POST"]) {
    const status = async (path: string): Promise<number> =>
      (await request(one, path, undefined, method)).status;
    t.equal(await status("/fleet/v1/units/a.service"), 401, method);
    t.equal(await status("//argosy/v1/network/config"), 401, `${method} by another way`);
    t.equal(await status("/v3x/../argosy/v1/network/config"), 401);
  }
  // What each may read: nobody, who has no permission, fleet's keys, the network's, both, root.
  const readers = [undefined, "nobody:x", "fleet:fleet", "net:net", "u:pw", "root:rootpw"] as const;
  const reads: Record<string, readonly number[]> = {
    "/fleet/v1/units": [401, 401, 200, 403, 200, 200],
    "/fleet/v1/machines": [401, 401, 200, 403, 200, 200],
    "/v1-alpha/state": [401, 401, 200, 403, 200, 200],
    "/fleet/v1/units/none.service": [401, 401, 404, 403, 404, 404],
    "/argosy/v1/network/config": [401, 401, 403, 200, 200, 200],
    "/argosy/v1/status": [401, 401, 403, 403, 200, 200],
    "/nothing/here": [404, 404, 404, 404, 404, 404],
  };
  for (const at of [leader, follower]) {
    for (const [path, expected] of Object.entries(reads)) {
      const statuses = [];
      for (const reader of readers) {
        statuses.push((await request(at, path, reader && basic(reader))).status);
      }
      t.same(statuses, expected, `${path} ${at === leader ? "at the leader" : "at a follower"}`);
    }
  }
  t.equal((await request(leader, "/argosy/v1/cluster-state")).status, 401, "only for agents");
  t.equal((await request(leader, "/argosy/v1/cluster-state", basic("fleet:fleet"))).status, 200);
  t.equal((await request(leader, "/argosy/v1/status", undefined, "HEAD")).status, 401);
  const refused = await request(one, "/fleet/v1/machines");
  t.same(await refused.json(), { error: { code: 401, message: "credentials are needed" } });
  t.match(refused.headers.get("www-authenticate"), /^Basic /);
  for (const path of [
    "/version",
    "/health",
    "/metrics",
    "/livez",
    "/readyz/serializable_read",
    "/debug/vars",
  ]) {
    t.equal((await request(one, path)).status, 200, path);
  }
  await asRoot("AuthDisable", {});
  t.equal((await request(one, "/argosy/v1/status")).status, 200, "auth is off");
});

test("JSON Web Tokens need no log, and grow old with the auth store", { timeout: 60_000 }, async (t) => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const directory = t.testdir();
  const [key, pub] = [join(directory, "jwt.key"), join(directory, "jwt.pub")];
  writeFileSync(key, privateKey.export({ type: "pkcs8", format: "pem" }));
  writeFileSync(pub, publicKey.export({ type: "spki", format: "pem" }));
  const { agents } = await withAuth(t, {
    "auth-token": `jwt,sign-method=EdDSA,priv-key=${key},pub-key=${pub},ttl=1m`,
  });
  const [one, two] = agents as [TestAgent, TestAgent];
  const token = await login(one, "u", "pw");
  const root = await admitted(one, await login(one, "root", "rootpw"));
  const caller = await admitted(two, token);
  await two.agent.kv.put({ key: bytes("a") }, { caller });
  await ask(one, "RoleAdd", { name: "another" }, root);
  await t.rejects(two.agent.kv.range({ key: bytes("a") }, { caller }), { code: "auth.old-revision" });
  await t.rejects(admitted(one, token), { code: "auth.old-revision" });
  const fresh = await admitted(one, await login(two, "u", "pw"));
  await one.agent.kv.range({ key: bytes("a") }, { caller: fresh });
  await t.rejects(admitted(one, `${token}x`), { code: "auth.invalid-token" });
});
