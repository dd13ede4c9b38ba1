/** Membership at run time with whole agents (etcd.md 7, 17.4 to 17.6; line 20 of section 22). */
import { test } from "tap";
import type { AdminRequest, AdminRpc } from "../../src/store/admin.ts";
import type { Member } from "../../src/store/wire/messages.ts";
import { startCluster, type TestAgent, type TestCluster } from "../support/agents.ts";

const fast = { "heartbeat-interval": "20", "election-timeout": "200" };
/** The cluster is asked again until it is healthy for 5 seconds; tests of other things leave that out. */
const loose = { ...fast, "strict-reconfig-check": "false" };

type Server = NonNullable<TestAgent["agent"]["server"]>;

function serverOf(agent: TestAgent): Server {
  return agent.agent.server!;
}

function isRunning(agent: TestAgent): boolean {
  try {
    return agent.agent.server !== null;
  } catch {
    return false;
  }
}

/** Waits for a fact, with a deadline. */
async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function leaderOf(cluster: TestCluster): Promise<TestAgent> {
  const leads = (agent: TestAgent): boolean => isRunning(agent) && serverOf(agent).shell.role === "leader";
  await until("a leader", () => cluster.agents.some(leads));
  return cluster.agents.find(leads)!;
}

async function followerOf(cluster: TestCluster): Promise<TestAgent> {
  const leader = await leaderOf(cluster);
  return cluster.agents.find((agent) => agent !== leader && isRunning(agent))!;
}

function call<Name extends AdminRpc>(
  at: TestAgent,
  name: Name,
  request: AdminRequest<Name>,
): Promise<unknown> {
  return serverOf(at).admin.call(name, request);
}

async function add(at: TestAgent, peerUrl: string, isLearner = false): Promise<Member> {
  const { member } = await serverOf(at).admin.call("MemberAdd", { peerURLs: [peerUrl], isLearner });
  return member!;
}

async function votersAt(agent: TestAgent): Promise<string> {
  const { members } = await serverOf(agent).kv.memberList({});
  return members
    .map((member) => `${member.name}${member.isLearner ? "?" : ""}`)
    .sort()
    .join();
}

/** Puts under load, so that changes happen among other entries; returns how to end it and what was acknowledged. */
function writer(at: () => TestAgent): { end(): Promise<number> } {
  let running = true;
  let done = 0;
  const loop = (async () => {
    while (running) {
      try {
        await serverOf(at()).kv.put({ key: Buffer.from(`load/${done}`), value: Buffer.from("x") });
        done++;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  })();
  return {
    async end() {
      running = false;
      await loop;
      return done;
    },
  };
}

async function keysAt(agent: TestAgent): Promise<number> {
  const prefix = { key: Buffer.from("load/"), range_end: Buffer.from("load0") };
  return (await serverOf(agent).kv.range({ ...prefix, count_only: true })).count;
}

test("a cluster of one grows to three under load, and every member has everything", {
  timeout: 90_000,
}, async (t) => {
  const cluster = await startCluster(1, loose);
  t.teardown(() => cluster.close());
  const first = cluster.agents[0]!;
  const load = writer(() => first);
  for (const name of ["m2", "m3"]) {
    const newcomer = await cluster.newcomer(name);
    const member = await add(first, newcomer.peerUrl);
    t.match(member, { name: "", peerURLs: [newcomer.peerUrl], isLearner: false });
    await serverOf(first).kv.put({ key: Buffer.from("still"), value: Buffer.from("works") });
    await newcomer.start();
    await serverOf(newcomer).published;
    t.equal(serverOf(newcomer).identity.memberId, member.ID);
  }
  await until("three voters", () => serverOf(first).voters().length === 3);
  const done = await load.end();
  t.ok(done > 20, `${done} puts`);
  for (const agent of cluster.agents) {
    t.equal(await votersAt(agent), "m1,m2,m3", agent.name);
    t.equal(await keysAt(agent), done, agent.name);
  }
  // The first member is not needed any more.
  await first.stop();
  const leader = await leaderOf(cluster);
  await serverOf(leader).kv.put({ key: Buffer.from("without m1"), value: Buffer.from("x") });
});

test("a newcomer far behind gets a snapshot, and is itself after a restart", {
  timeout: 90_000,
}, async (t) => {
  const cluster = await startCluster(1, { ...loose, "snapshot-count": "50" });
  t.teardown(() => cluster.close());
  const first = cluster.agents[0]!;
  for (let i = 0; i < 400; i++) {
    await serverOf(first).kv.put({ key: Buffer.from(`load/${i}`), value: Buffer.from("x") });
  }
  await until("a cut log", () => first.said.includes("log cut"));
  const newcomer = await cluster.newcomer("m2");
  await add(first, newcomer.peerUrl);
  await newcomer.start();
  await serverOf(newcomer).published;
  await until("two voters", () => serverOf(first).voters().length === 2);
  t.equal(await keysAt(newcomer), 400);
  t.ok(newcomer.said.includes("snapshot installed"));
  await newcomer.stop();
  await first.stop();
  await Promise.all([newcomer.start(), first.start()]);
  await serverOf(newcomer).kv.put({ key: Buffer.from("after"), value: Buffer.from("x") });
  t.equal(await keysAt(newcomer), 400);
  t.equal(await votersAt(newcomer), "m1,m2");
});

test("a learner: in the list, refused what it must not do, promoted, then it votes", {
  timeout: 90_000,
}, async (t) => {
  const cluster = await startCluster(1, loose);
  t.teardown(() => cluster.close());
  const first = cluster.agents[0]!;
  const learner = await cluster.newcomer("m2");
  for (let i = 0; i < 100; i++) {
    await serverOf(first).kv.put({ key: Buffer.from(`load/${i}`), value: Buffer.from("x") });
  }
  const member = await add(first, learner.peerUrl, true);
  t.equal(member.isLearner, true);
  await t.rejects(add(first, "http://127.0.0.1:9", true), { code: "kv.too-many-learners" });
  await t.rejects(call(first, "MemberPromote", { ID: member.ID }), { code: "kv.learner-not-ready" });
  await t.rejects(call(first, "MemberPromote", { ID: 5n }), { code: "kv.member-not-found" });
  const self = serverOf(first).identity.memberId;
  await t.rejects(call(first, "MemberPromote", { ID: self }), { code: "kv.not-a-learner" });
  await learner.start();
  await serverOf(learner).published;
  t.equal(await votersAt(learner), "m1,m2?");
  const serializable = { key: Buffer.from("load/1"), serializable: true };
  t.equal((await serverOf(learner).kv.range(serializable)).count, 1);
  t.throws(() => serverOf(learner).gate.admit("/etcdserverpb.KV/Put", new Map()), {
    code: "kv.learner-unsupported",
  });
  t.equal(serverOf(first).voters().length, 1);
  await until("promoted", () =>
    call(first, "MemberPromote", { ID: member.ID }).then(
      () => true,
      () => false,
    ),
  );
  t.equal(serverOf(first).voters().length, 2);
  await until("the learner knows", async () => (await votersAt(learner)) === "m1,m2");
  await serverOf(learner).kv.put({ key: Buffer.from("mine"), value: Buffer.from("x") });
});

test("a removed follower stops, and its id never comes back", { timeout: 90_000 }, async (t) => {
  const cluster = await startCluster(3, loose);
  t.teardown(() => cluster.close());
  const leader = await leaderOf(cluster);
  const gone = await followerOf(cluster);
  const other = cluster.agents.find((agent) => agent !== leader && agent !== gone)!;
  const { memberId } = serverOf(gone).identity;
  const load = writer(() => leader);
  await call(other, "MemberRemove", { ID: memberId });
  t.equal((await votersAt(other)).split(",").length, 2, "the member that was asked knows");
  await until("it stops", () => gone.said.includes("this member was removed from the cluster; it stops"));
  await until("it serves no more", () =>
    serverOf(gone)
      .kv.put({ key: Buffer.from("k") })
      .then(
        () => false,
        (error) => error.code === "kv.stopped",
      ),
  );
  await t.rejects(call(other, "MemberRemove", { ID: memberId }), { code: "kv.member-not-found" });
  await t.rejects(call(other, "MemberUpdate", { ID: memberId, peerURLs: ["http://127.0.0.1:9"] }), {
    code: "kv.member-not-found",
  });
  t.ok((await load.end()) > 0);
  t.equal(serverOf(leader).voters().length, 2);
  // Its data directory is of no use any more: it is told again.
  await gone.stop();
  const before = gone.said.length;
  await gone.start();
  await until("told again", () =>
    gone.said.slice(before).includes("this member was removed from the cluster; it stops"),
  );
});

test("a leader can be removed; the others go on", { timeout: 90_000 }, async (t) => {
  const cluster = await startCluster(3, loose);
  t.teardown(() => cluster.close());
  const leader = await leaderOf(cluster);
  const follower = await followerOf(cluster);
  await call(follower, "MemberRemove", { ID: serverOf(leader).identity.memberId });
  await until("it stops", () => leader.said.includes("this member was removed from the cluster; it stops"));
  await leader.stop();
  await serverOf(follower).kv.put({ key: Buffer.from("k"), value: Buffer.from("v") });
  t.equal(serverOf(follower).voters().length, 2);
  await t.rejects(leader.start(), { code: "server.removed" });
});

test("what a change is refused for", { timeout: 90_000 }, async (t) => {
  const cluster = await startCluster(1, fast);
  t.teardown(() => cluster.close());
  const first = cluster.agents[0]!;
  const { memberId } = serverOf(first).identity;
  for (const url of ["", "127.0.0.1:5", "http://127.0.0.1:5/x", "ftp://127.0.0.1:5", "http://127.0.0.1"]) {
    await t.rejects(add(first, url), { code: "kv.member-urls-invalid" }, url);
  }
  await t.rejects(call(first, "MemberAdd", { peerURLs: [], isLearner: false }), {
    code: "kv.member-urls-invalid",
  });
  await t.rejects(call(first, "MemberRemove", { ID: 0x1234n }), { code: "kv.member-not-found" });
  await t.rejects(call(first, "MemberRemove", { ID: memberId }), { code: "kv.not-enough-started-members" });
  await t.rejects(call(first, "MemberUpdate", { ID: 1n, peerURLs: ["http://127.0.0.1:7"] }), {
    code: "kv.member-not-found",
  });
  await t.rejects(add(first, first.peerUrl), { code: "kv.peer-urls-exist" });
  const second = await add(first, "http://127.0.0.1:5");
  await t.rejects(add(first, "http://127.0.0.1:6"), { code: "kv.not-enough-started-members" });
  await t.rejects(add(first, "http://127.0.0.1:6", true), { code: "kv.unhealthy-cluster" });
  await t.rejects(call(first, "MemberUpdate", { ID: second.ID, peerURLs: [first.peerUrl] }), {
    code: "kv.peer-urls-exist",
  });
  await call(first, "MemberUpdate", { ID: second.ID, peerURLs: ["http://127.0.0.1:8"] });
  const { members } = await serverOf(first).kv.memberList({});
  t.strictSame(members.find((member) => member.ID === second.ID)?.peerURLs, ["http://127.0.0.1:8"]);
  await call(first, "MemberRemove", { ID: second.ID });
  t.equal(await votersAt(first), "m1");
});

test("who joins must be who the cluster let in", { timeout: 60_000 }, async (t) => {
  const cluster = await startCluster(1, loose);
  t.teardown(() => cluster.close());
  const newcomer = await cluster.newcomer("m2");
  await t.rejects(newcomer.start(), { code: "join.mismatch", message: /add it first/ });
  await add(cluster.agents[0]!, newcomer.peerUrl);
  await newcomer.start();
  await serverOf(newcomer).published;
});
