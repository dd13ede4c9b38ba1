/** Membership at run time where its parts meet: answers that cross a removal, a removed member that goes on, rights, joining. */
import { rm } from "node:fs/promises";
import { test } from "tap";
import type { Caller } from "../../src/store/kv.ts";
import { startCluster, type TestAgent, type TestCluster } from "../support/agents.ts";

const loose = {
  "heartbeat-interval": "20",
  "election-timeout": "200",
  "strict-reconfig-check": "false",
};

type Server = NonNullable<TestAgent["agent"]["server"]>;

function serverOf(agent: TestAgent): Server {
  return agent.agent.server!;
}

/** Waits for a fact, with a deadline. */
async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function rolesOf(cluster: TestCluster): Promise<{ leader: TestAgent; followers: TestAgent[] }> {
  const leads = (agent: TestAgent): boolean => serverOf(agent).shell.role === "leader";
  const { agents } = cluster;
  await until("a leader that all know", () => agents.every((agent) => serverOf(agent).shell.leader !== null));
  await until("a leader", () => agents.some(leads));
  return { leader: agents.find(leads)!, followers: agents.filter((agent) => !leads(agent)) };
}

const remove = (at: TestAgent, gone: TestAgent): Promise<{ members: readonly unknown[] }> =>
  serverOf(at).admin.call("MemberRemove", { ID: serverOf(gone).identity.memberId });

test("a follower that is asked to remove itself answers", { timeout: 60_000 }, async (t) => {
  const cluster = await startCluster(3, loose);
  t.teardown(() => cluster.close());
  const { followers } = await rolesOf(cluster);
  const { members } = await remove(followers[0]!, followers[0]!);
  t.equal(members.length, 2);
});

test("a follower that is asked to remove the leader answers", { timeout: 60_000 }, async (t) => {
  const cluster = await startCluster(3, loose);
  t.teardown(() => cluster.close());
  const { leader, followers } = await rolesOf(cluster);
  t.equal((await remove(followers[0]!, leader)).members.length, 2);
});

test("a leader that is asked to remove itself answers", { timeout: 60_000 }, async (t) => {
  const cluster = await startCluster(2, loose);
  t.teardown(() => cluster.close());
  const { leader, followers } = await rolesOf(cluster);
  t.equal((await remove(leader, leader)).members.length, 1);
  await until("the other leads", () => serverOf(followers[0]!).shell.role === "leader");
  await serverOf(followers[0]!).kv.put({ key: Buffer.from("k"), value: Buffer.from("v") });
});

test("a removed member that is started again does not keep its process busy", {
  timeout: 60_000,
}, async (t) => {
  const cluster = await startCluster(3, loose);
  t.teardown(() => cluster.close());
  const { leader, followers } = await rolesOf(cluster);
  const gone = followers[0]!;
  const stops = "this member was removed from the cluster; it stops";
  await remove(leader, gone);
  await until("it stops", () => gone.said.includes(stops));
  await gone.stop();
  const before = gone.said.length;
  await gone.start();
  await until("told again", () => gone.said.slice(before).includes(stops));
  await until("it has stopped", () =>
    serverOf(gone)
      .kv.barrier()
      .then(
        () => false,
        (error) => error.code === "kv.stopped",
      ),
  );
  await serverOf(gone).published;
  const waits = gone.said.slice(before).filter((message) => message === "waiting for a leader");
  t.ok(waits.length < 10, `${waits.length} tries to publish`);
});

test("who may change the members is judged by the leader as well", { timeout: 60_000 }, async (t) => {
  const cluster = await startCluster(3, loose);
  t.teardown(() => cluster.close());
  const { leader, followers } = await rolesOf(cluster);
  const call = serverOf(leader).admin;
  const user = { password: "p", hashedPassword: "", options: undefined };
  await call.call("UserAdd", { name: "root", ...user });
  await call.call("UserAdd", { name: "ann", ...user });
  await call.call("RoleAdd", { name: "root" });
  await call.call("UserGrantRole", { user: "root", role: "root" });
  await call.call("AuthEnable", {});
  const asked = serverOf(followers[0]!);
  // As a member that does not know yet that ann is not root.
  asked.store.auth.access.root = () => {};
  asked.store.auth.access.admin = () => {};
  const add = (port: number, caller: Caller): Promise<unknown> =>
    asked.admin.call("MemberAdd", { peerURLs: [`http://127.0.0.1:${port}`], isLearner: false }, { caller });
  const { revision } = serverOf(leader).store.auth.table;
  await t.rejects(add(7, { user: "ann", authRevision: revision }), { code: "auth.permission-denied" });
  await t.rejects(add(7, { user: null, authRevision: 0 }), { code: "auth.user-empty" });
  await add(7, { user: "root", authRevision: revision });
  const { members } = await asked.kv.memberList({ linearizable: true });
  t.equal(members.length, 4);
});

test("a member that lost its data cannot begin anew under its old id", { timeout: 60_000 }, async (t) => {
  const cluster = await startCluster(3, loose);
  t.teardown(() => cluster.close());
  const { followers } = await rolesOf(cluster);
  const lost = followers[0]!;
  await lost.stop();
  await rm(lost.dataDir, { recursive: true });
  await t.rejects(lost.start(), { code: "join.lost" });
});

test("a member that joins says nothing before it has what the cluster has", {
  timeout: 60_000,
}, async (t) => {
  const cluster = await startCluster(1, loose);
  t.teardown(() => cluster.close());
  const first = cluster.agents[0]!;
  for (let i = 0; i < 300; i++) {
    await serverOf(first).kv.put({ key: Buffer.from(`k${i}`), value: Buffer.from("v") });
  }
  const newcomer = await cluster.newcomer("m2");
  await serverOf(first).admin.call("MemberAdd", { peerURLs: [newcomer.peerUrl], isLearner: false });
  await newcomer.start();
  const { kv, gate, published } = serverOf(newcomer);
  t.throws(() => gate.admit("/etcdserverpb.Watch/Watch", new Map()), { code: "kv.learner-unsupported" });
  const all = { key: Buffer.from("k"), range_end: Buffer.from("l"), count_only: true, serializable: true };
  t.equal((await kv.range(all)).count, 300);
  await published;
  t.doesNotThrow(() => gate.admit("/etcdserverpb.Watch/Watch", new Map()));
});
