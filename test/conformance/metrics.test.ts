/** Metrics of what only several members do together (etcd.md section 16, rows 11, 21 and 39). */
import { test } from "tap";
import { hex } from "../../src/base/ids.ts";
import { startCluster, type TestAgent } from "../support/agents.ts";
import { until } from "../support/until.ts";

const key = Buffer.from("k");

async function metrics({ endpoint }: TestAgent): Promise<(line: string) => number> {
  const text = await (await fetch(`http://${endpoint}/metrics`)).text();
  return (name) => {
    const line = text.split("\n").find((each) => each.startsWith(`${name} `));
    return line === undefined ? Number.NaN : Number(line.slice(name.length + 1));
  };
}

function idOf({ agent }: TestAgent): string {
  return hex(agent.server!.identity.memberId);
}

test("snapshots are counted where they are sent and where they arrive", async (t) => {
  const cluster = await startCluster(3, { "snapshot-count": "100" });
  t.teardown(() => cluster.close());
  const away = cluster.agents.find(({ agent }) => agent.server?.shell.role !== "leader")!;
  const others = cluster.agents.filter((agent) => agent !== away);
  const awayId = idOf(away);
  await away.stop();
  for (let round = 0; round < 60; round++) {
    const puts = Array.from({ length: 100 }, () => others[0]!.agent.kv.put({ key, value: key }));
    await Promise.all(puts);
  }
  await away.start();
  await away.agent.kv.range({ key });
  t.ok(away.said.includes("snapshot installed"));
  const network = "etcd_network_snapshot";
  const leader = others.find(({ agent }) => agent.server?.shell.role === "leader")!;
  const [sender, receiver] = [`{To="${awayId}"}`, `{From="${idOf(leader)}"}`];
  const sent = await until("the sender has heard that it was installed", async () => {
    const value = await metrics(leader);
    return value(`${network}_send_success${sender}`) >= 1 && value;
  });
  t.equal(
    sent(`${network}_send_total_duration_seconds_count${sender}`),
    sent(`${network}_send_success${sender}`),
  );
  const received = await metrics(away);
  t.ok(received(`${network}_receive_success${receiver}`) >= 1);
  t.ok(received("etcd_snap_db_save_total_duration_seconds_count") >= 1);
  t.equal(received("etcd_server_snapshot_apply_in_progress_total"), 0);
});

test("promotions of learners are counted, by reason where they fail", async (t) => {
  const cluster = await startCluster(1, { "strict-reconfig-check": "false" });
  t.teardown(() => cluster.close());
  const first = cluster.agents[0]!;
  const { admin, identity } = first.agent.server!;
  const learner = await cluster.newcomer("m2");
  const { member } = await admin.call("MemberAdd", { peerURLs: [learner.peerUrl], isLearner: true });
  await learner.start();
  await learner.agent.server!.published;
  const promote = (ID: bigint) => admin.call("MemberPromote", { ID });
  await t.rejects(promote(identity.memberId), { code: "kv.not-a-learner" });
  await t.rejects(promote(5n), { code: "kv.member-not-found" });
  await until("promoted", () =>
    promote(member!.ID).then(
      () => true,
      () => false,
    ),
  );
  const value = await metrics(first);
  t.equal(value("etcd_server_learner_promote_successes"), 1);
  const failed = (reason: string): number =>
    value(`etcd_server_learner_promote_failures{Reason="${reason}"}`);
  t.equal(failed("etcdserver: can only promote a learner member"), 1);
  t.equal(failed("etcdserver: member not found"), 1);
});

test("reads that nobody confirms are slow", async (t) => {
  const cluster = await startCluster(3);
  t.teardown(() => cluster.close());
  const leader = cluster.agents.find(({ agent }) => agent.server?.shell.role === "leader")!;
  await leader.agent.kv.range({ key });
  for (const agent of cluster.agents) if (agent !== leader) await agent.stop();
  const gaveUp = new AbortController();
  const read = leader.agent.kv.range({ key }, { signal: gaveUp.signal });
  read.catch(() => {});
  await until("it is slow", async () => (await metrics(leader))("etcd_server_slow_read_indexes_total") >= 1);
  gaveUp.abort();
  await t.rejects(read, { code: "kv.canceled" });
});
