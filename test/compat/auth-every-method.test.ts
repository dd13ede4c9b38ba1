/**
 * Every method of the v3 surface, called by nobody, by a user who may little and by root while auth is on (etcd.md 8.9, 9.8,
 * 9.9): at a server, and at a worker that passes the calls on. A method without a row here fails the test, so that no rpc comes
 * without a rule.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Test, test } from "tap";
import { type Agent, startAgent } from "../../src/agent/agent.ts";
import { parseConfig } from "../../src/agent/config.ts";
import type { GrpcMethods } from "../../src/api/transport/grpc-method.ts";
import { gateElsewhere } from "../../src/api/v3/gate.ts";
import { v3Methods } from "../../src/api/v3/methods.ts";
import { silent } from "../../src/base/ports.ts";
import { SystemRandom, systemClock } from "../../src/host/clock.ts";
import { type AdminClient, adminPath, adminRpcs } from "../../src/store/admin.ts";
import { SnapshotRequest } from "../../src/store/wire/admin-messages.ts";
import * as concurrency from "../../src/store/wire/concurrency-messages.ts";
import * as wire from "../../src/store/wire/messages.ts";
import { freePorts, startCluster } from "../support/agents.ts";
import { callMethod } from "../support/method-call.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const key = bytes("secret");
const leader = { name: key, key: bytes("secret/7"), rev: 1, lease: 7n };

/** Code and text of an outcome; "" is success. */
type Said = string;
interface Row {
  readonly path: string;
  readonly what?: string;
  readonly message: Uint8Array;
  readonly nobody: Said;
  readonly weak: Said;
  readonly root: Said;
}
type Answers = Partial<Pick<Row, "nobody" | "weak" | "root" | "what">>;

const noUser = "3 etcdserver: user name is empty";
const denied = "7 etcdserver: permission denied";
/** The two services on top of KV lose the codes, as etcd's do. */
const plainly = (said: Said): Said => said.replace(/^\d+/, "2");

const row = (path: string, message: Uint8Array, answers: Answers = {}): Row => {
  return { path, message, nobody: noUser, weak: denied, root: "", ...answers };
};
const kv = (name: string, message: Uint8Array, answers?: Answers): Row =>
  row(`/etcdserverpb.KV/${name}`, message, answers);
const lease = (name: string, message: Uint8Array, answers?: Answers): Row =>
  row(`/etcdserverpb.Lease/${name}`, message, answers);
const plain = (path: string, message: Uint8Array, root = ""): Row =>
  row(path, message, { nobody: plainly(noUser), weak: plainly(denied), root });
const admin = (name: keyof typeof adminRpcs, request: object, answers?: Answers): Row =>
  row(adminPath(name), adminRpcs[name].request.encode(request as never), answers);
const open: Answers = { nobody: "", weak: "" };
const anyUser: Answers = { weak: "" };

/** In this order: what undoes auth comes last. */
const rows: readonly Row[] = [
  kv("Range", wire.RangeRequest.encode({ key })),
  kv("Range", wire.RangeRequest.encode({ key, serializable: true }), { what: "serializable" }),
  kv("Range", wire.RangeRequest.encode({ key: bytes("w"), range_end: bytes("\0") }), { what: "to the end" }),
  kv("Range", wire.RangeRequest.encode({ key: bytes("w1") }), { what: "its own", weak: "" }),
  kv("RangeStream", wire.RangeRequest.encode({ key })),
  kv("Put", wire.PutRequest.encode({ key })),
  kv("Put", wire.PutRequest.encode({ key: bytes("w1"), lease: 7n }), {
    what: "on a lease with others' keys",
  }),
  kv("DeleteRange", wire.DeleteRangeRequest.encode({ key: bytes("nothing"), range_end: bytes("nothinh") })),
  kv("Txn", wire.TxnRequest.encode({ compare: [{ key }] }), { what: "compare" }),
  kv("Txn", wire.TxnRequest.encode({ failure: [{ request_put: { key } }] }), { what: "not taken" }),
  kv(
    "Txn",
    wire.TxnRequest.encode({
      success: [{ request_txn: { success: [{ request_txn: { compare: [{ key }] } }] } }],
    }),
    { what: "deep" },
  ),
  row("/etcdserverpb.Watch/Watch", wire.WatchRequest.encode({ create_request: { key } })),
  row(
    "/etcdserverpb.Watch/Watch",
    wire.WatchRequest.encode({ create_request: { key: bytes("w"), range_end: bytes("\0") } }),
    { what: "to the end" },
  ),
  lease("LeaseGrant", wire.LeaseGrantRequest.encode({ TTL: 60 }), anyUser),
  lease("LeaseKeepAlive", wire.LeaseKeepAliveRequest.encode({ ID: 7n })),
  lease("LeaseTimeToLive", wire.LeaseTimeToLiveRequest.encode({ ID: 7n })),
  lease("LeaseLeases", wire.LeaseLeasesRequest.encode({})),
  row("/etcdserverpb.Cluster/MemberList", wire.MemberListRequest.encode({}), anyUser),
  row("/etcdserverpb.Maintenance/Status", wire.StatusRequest.encode({}), anyUser),
  row("/etcdserverpb.Maintenance/Snapshot", SnapshotRequest.encode({})),
  plain("/v3lockpb.Lock/Lock", concurrency.LockRequest.encode({ name: key, lease: 7n })),
  plain("/v3lockpb.Lock/Unlock", concurrency.UnlockRequest.encode({ key })),
  plain("/v3electionpb.Election/Campaign", concurrency.CampaignRequest.encode({ name: key, lease: 7n })),
  plain(
    "/v3electionpb.Election/Proclaim",
    concurrency.ProclaimRequest.encode({ leader }),
    "2 election: not leader",
  ),
  plain("/v3electionpb.Election/Leader", concurrency.LeaderRequest.encode({ name: key })),
  // A stream of the API itself, and so with its code.
  row("/v3electionpb.Election/Observe", concurrency.LeaderRequest.encode({ name: key })),
  plain("/v3electionpb.Election/Resign", concurrency.ResignRequest.encode({ leader })),
  row("/grpc.health.v1.Health/Check", wire.HealthCheckRequest.encode({}), open),
  row("/grpc.health.v1.Health/List", wire.HealthListRequest.encode({}), open),
  row("/grpc.health.v1.Health/Watch", wire.HealthCheckRequest.encode({}), open),
  admin("MemberAdd", { peerURLs: ["http://127.0.0.1:1"], isLearner: true }, { root: "ignored" }),
  admin("MemberRemove", { ID: 1n }, { root: "5 etcdserver: member not found" }),
  admin(
    "MemberUpdate",
    { ID: 1n, peerURLs: ["http://127.0.0.1:1"] },
    { root: "5 etcdserver: member not found" },
  ),
  admin("MemberPromote", { ID: 1n }, { root: "5 etcdserver: member not found" }),
  admin("Alarm", { action: 0 }, { ...anyUser, what: "get" }),
  admin("Alarm", { action: 2, memberID: 1n, alarm: 1 }, { what: "disarm" }),
  admin("Alarm", { action: 1, memberID: 1n, alarm: 1 }, { what: "raise" }),
  admin("Alarm", { action: 9, memberID: 1n, alarm: 1 }, { what: "unknown", root: "ignored" }),
  admin("Alarm", { action: 2, memberID: 1n, alarm: 1 }, { what: "disarm again" }),
  admin("Defragment", {}),
  admin("Hash", {}),
  admin("HashKV", {}),
  admin("MoveLeader", { targetID: 1n }, { root: "9 etcdserver: bad leader transferee" }),
  admin("Downgrade", { action: 2 }, { root: "9 etcdserver: no inflight downgrade job" }),
  admin("Authenticate", { name: "weak", password: "wrong" }, refusedLogin()),
  admin("Authenticate", { name: "weak", password: "weakpw" }, { ...open, what: "with the password" }),
  admin("AuthStatus", {}, open),
  admin("AuthEnable", {}),
  admin("UserAdd", { name: "new", password: "x" }),
  admin("UserGet", { name: "new" }),
  admin("UserGet", { name: "nobody" }, { what: "missing", root: "9 etcdserver: user name not found" }),
  admin("UserGet", { name: "weak" }, { what: "weak", weak: "" }),
  admin("UserList", {}),
  admin("UserChangePassword", { name: "new", password: "y" }),
  admin("RoleAdd", { name: "fresh" }),
  admin("UserGrantRole", { user: "new", role: "fresh" }),
  admin("UserGrantRole", { user: "weak", role: "root" }, { what: "itself root", root: "unasked" }),
  admin("UserChangePassword", { name: "weak", password: "y" }, { what: "itself", root: "unasked" }),
  admin("UserRevokeRole", { name: "new", role: "fresh" }),
  admin("UserDelete", { name: "new" }),
  admin("RoleGet", { role: "fresh" }),
  admin("RoleGet", { role: "root" }, { what: "root" }),
  admin("RoleGet", { role: "own" }, { what: "own", weak: "" }),
  admin("RoleList", {}),
  admin("RoleGrantPermission", { name: "fresh", perm: { key } }),
  admin("RoleRevokePermission", { role: "fresh", key }),
  admin("RoleDelete", { role: "fresh" }),
  lease("LeaseRevoke", wire.LeaseRevokeRequest.encode({ ID: 7n })),
  kv("Compact", wire.CompactionRequest.encode({ revision: 2 })),
  admin("AuthDisable", {}),
];

function refusedLogin(): Answers {
  const failed = "3 etcdserver: authentication failed, invalid user ID or password";
  return { nobody: failed, weak: failed, root: failed };
}

/** What a caller is told: of a watch, which stays open, the reason of its refusal. */
async function said(methods: GrpcMethods, { path, message }: Row, token: string | null): Promise<Said> {
  const metadata = new Map(token === null ? [] : [["token", token]]);
  const { messages, status } = await callMethod(methods.get(path)!, { path, message, metadata });
  if (status !== null && status.code !== 0) return `${status.code} ${status.message}`;
  if (path !== "/etcdserverpb.Watch/Watch") return "";
  const { cancel_reason } = wire.WatchResponse.decode(messages[0]!);
  const codes: Record<string, number> = { InvalidArgument: 3, PermissionDenied: 7, Unauthenticated: 16 };
  const [, name, text] = /^rpc error: code = (\w+) desc = (.*)$/.exec(cancel_reason) ?? [];
  return name === undefined ? cancel_reason : `${codes[name]} ${text}`;
}

/** root, weak with "w" to "x", a secret on lease 7; auth is on. */
async function withAuth(t: Test): Promise<{ agent: Agent; endpoint: string }> {
  const cluster = await startCluster(1, { "bcrypt-cost": "4" });
  t.teardown(() => cluster.close());
  const { agent, endpoint } = cluster.agents[0]!;
  const { admin: client } = agent.server!;
  const ask = (name: keyof typeof adminRpcs, request: object): Promise<unknown> =>
    client.call(name, adminRpcs[name].request.create(request as never) as never);
  await ask("UserAdd", { name: "root", password: "rootpw" });
  await ask("UserGrantRole", { user: "root", role: "root" });
  await ask("RoleAdd", { name: "root" });
  await ask("UserAdd", { name: "weak", password: "weakpw" });
  await ask("RoleAdd", { name: "own" });
  await ask("RoleGrantPermission", {
    name: "own",
    perm: { permType: 2, key: bytes("w"), range_end: bytes("x") },
  });
  await ask("UserGrantRole", { user: "weak", role: "own" });
  await agent.kv.leaseGrant({ ID: 7n, TTL: 600 });
  await agent.kv.put({ key, lease: 7n });
  await agent.kv.put({ key: bytes("secret/7"), value: bytes("led"), lease: 7n });
  await agent.kv.put({ key: bytes("other") });
  await ask("AuthEnable", {});
  return { agent, endpoint };
}

async function login(methods: GrpcMethods, name: string): Promise<string> {
  const path = adminPath("Authenticate");
  const { request, response } = adminRpcs.Authenticate;
  const message = request.encode({ name, password: `${name}pw` });
  const { messages } = await callMethod(methods.get(path)!, { path, message, metadata: new Map() });
  return response.decode(messages[0]!).token;
}

async function playAll(t: Test, methods: GrpcMethods): Promise<void> {
  t.same([...new Set(rows.map(({ path }) => path))].sort(), [...methods.keys()].sort(), "all have a rule");
  const [weak, root] = [await login(methods, "weak"), await login(methods, "root")];
  for (const each of rows) {
    const name = `${each.path} ${each.what ?? ""}`;
    if (each.path !== adminPath("AuthDisable")) {
      const bad = await said(methods, each, `${"A".repeat(16)}.1`);
      const isOpen = each.path.includes("Health") || each.path === adminPath("Authenticate");
      t.equal(bad, isOpen ? each.nobody : "16 etcdserver: invalid auth token", `${name} with a bad token`);
    }
    t.equal(await said(methods, each, null), each.nobody, `${name} by nobody`);
    t.equal(await said(methods, each, weak), each.weak, `${name} by weak`);
    if (each.root === "unasked") continue;
    const answer = await said(methods, each, root);
    if (each.root === "ignored") t.notOk([noUser, denied].includes(answer), `${name} by root: ${answer}`);
    else t.equal(answer, each.root, `${name} by root`);
  }
}

test("at a server", { timeout: 60_000 }, async (t) => {
  const { agent } = await withAuth(t);
  const { gate, admin: client } = agent.server!;
  await playAll(t, v3Methods({ kv: agent.kv, admin: client, gate }));
});

async function startWorker(t: Test, server: string): Promise<{ worker: Agent; url: string }> {
  const directory = await mkdtemp(join(tmpdir(), "argosy-worker-"));
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const config = parseConfig({
    role: "worker",
    servers: `http://${server}`,
    "data-dir": directory,
    "listen-client-urls": url,
    units: "off",
    network: "off",
  });
  const fatal = (error: unknown): never => {
    throw error;
  };
  const modules = { clock: systemClock, random: new SystemRandom(), logger: silent, fatal };
  const worker = await startAgent(config, modules);
  t.teardown(async () => {
    await worker.close();
    await rm(directory, { recursive: true, force: true });
  });
  return { worker, url };
}

test("at a worker", { timeout: 60_000 }, async (t) => {
  const { endpoint } = await withAuth(t);
  const { worker } = await startWorker(t, endpoint);
  const client = worker.kv as unknown as AdminClient;
  await playAll(t, v3Methods({ kv: worker.kv, admin: client, gate: gateElsewhere }));
});

test("a worker shows what it knows only to those who may see it", { timeout: 60_000 }, async (t) => {
  const { agent, endpoint } = await withAuth(t);
  const { url } = await startWorker(t, endpoint);
  const { admin: client } = agent.server!;
  const status = async (path: string, user?: string, method = "GET"): Promise<number> => {
    const authorization = user && `Basic ${Buffer.from(`${user}:${user}pw`).toString("base64")}`;
    return (await fetch(`${url}${path}`, { method, headers: authorization ? { authorization } : {} })).status;
  };
  const seen = async (path: string, method?: string): Promise<number[]> => [
    await status(path, undefined, method),
    await status(path, "nobody", method),
    await status(path, "weak", method),
  ];
  for (const path of [
    "/fleet/v1/units",
    "/fleet/v1/machines",
    "/argosy/v1/status",
    "/argosy/v1/network/config",
  ]) {
    t.same(await seen(path), [401, 401, 403], path);
  }
  t.same(await seen("/fleet/v1/units/a.service", "PUT"), [401, 401, 403]);
  for (let round = 0; round < 2; round++) t.not(await status("/argosy/v1/network/config", "root"), 401);
  await client.call("AuthDisable", {});
  t.equal(await status("/argosy/v1/network/config"), 404, "auth is off, and no network there");
  t.equal(await status("/argosy/v1/network/config", "root"), 404, "a token that is worn out");
  await client.call("AuthEnable", {});
  t.equal(await status("/argosy/v1/network/config"), 401);
  t.not(await status("/argosy/v1/network/config", "root"), 401, "another token");
});
