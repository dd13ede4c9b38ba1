/** The maintenance rpcs and the operator's endpoints of whole agents (etcd.md sections 8, 13 and 17). */
import { test } from "tap";
import { AlarmAction, AlarmType } from "../../src/store/wire/admin-messages.ts";
import { freePorts, startCluster } from "../support/agents.ts";
import { until } from "../support/until.ts";

const key = Buffer.from("k");

test("hashes are equal on all members, alarms are known to all, leadership moves", async (t) => {
  const cluster = await startCluster(3);
  t.teardown(() => cluster.close());
  const servers = cluster.agents.map(({ agent }) => agent.server!);
  for (let i = 0; i < 20; i++) await servers[i % 3]!.kv.put({ key: Buffer.from(`k${i % 5}`), value: key });
  const { header } = await servers[0]!.kv.deleteRange({ key: Buffer.from("k1") });
  await servers[0]!.kv.compact({ revision: 10 });
  for (const { kv } of servers) await kv.barrier();
  for (const revision of [0, 10, 15, header!.revision]) {
    const answers = await Promise.all(servers.map(({ admin }) => admin.call("HashKV", { revision })));
    t.equal(new Set(answers.map(({ hash }) => hash)).size, 1, `at ${revision}`);
    t.match(answers[0], { compact_revision: 10, hash_revision: revision || header!.revision });
  }
  await t.rejects(servers[0]!.admin.call("HashKV", { revision: 9 }), { code: "kv.compacted" });
  await t.rejects(servers[0]!.admin.call("HashKV", { revision: 999 }), { code: "kv.future-revision" });

  const alarm = { memberID: 5n, alarm: AlarmType.NOSPACE };
  const change = (action: number) => servers[1]!.admin.call("Alarm", { action, ...alarm });
  t.same((await change(AlarmAction.ACTIVATE)).alarms, [alarm]);
  t.same((await change(AlarmAction.ACTIVATE)).alarms, [alarm], "twice is once");
  const all = { action: AlarmAction.GET, memberID: 0n, alarm: AlarmType.NONE };
  t.same((await servers[2]!.admin.call("Alarm", all)).alarms, [alarm]);
  await t.rejects(servers[2]!.kv.put({ key, value: key }), { code: "kv.no-space" });
  t.same((await change(AlarmAction.DEACTIVATE)).alarms, [alarm]);
  t.same((await change(AlarmAction.DEACTIVATE)).alarms, [], "it was not set");
  await servers[2]!.kv.put({ key, value: key });

  const leader = servers.find(({ shell }) => shell.role === "leader")!;
  const follower = servers.find((server) => server !== leader)!;
  const targetID = follower.identity.memberId;
  await t.rejects(follower.admin.call("MoveLeader", { targetID }), { code: "kv.not-leader" });
  await t.rejects(leader.admin.call("MoveLeader", { targetID: 1n }), { code: "kv.bad-leader-transferee" });
  await leader.admin.call("MoveLeader", { targetID });
  t.equal(leader.shell.leader, targetID);
  await leader.kv.put({ key, value: key });
});

test("the store compacts itself", async (t) => {
  const cluster = await startCluster(1, { "auto-compaction-retention": "500ms" });
  t.teardown(() => cluster.close());
  const [{ agent, said }] = cluster.agents as [(typeof cluster.agents)[0]];
  for (let i = 0; i < 10; i++) await agent.kv.put({ key, value: key });
  await until("it has compacted", () => agent.server!.store.compactRevision === 11);
  await until("it says so", () => said.includes("completed auto compaction"));
});

test("monitoring on an address of its own, and what the metrics tell", async (t) => {
  const [port] = (await freePorts(1)) as [number];
  const url = `http://127.0.0.1:${port}`;
  const cluster = await startCluster(1, { "listen-metrics-urls": url, metrics: "extensive" });
  t.teardown(() => cluster.close());
  const [{ agent }] = cluster.agents as [(typeof cluster.agents)[0]];
  const { kv, admin, identity } = agent.server!;
  const other = Buffer.from("o");
  await kv.put({ key: other, value: Buffer.from("12345") });
  await kv.txn({
    success: [
      { request_put: { key, value: key } },
      { request_txn: { success: [{ request_delete_range: { key: other } }, { request_range: { key } }] } },
    ],
  });
  await kv.leaseGrant({ ID: 7n, TTL: 60 });
  await kv.leaseKeepAlive({ ID: 7n });
  await kv.leaseRevoke({ ID: 7n });
  await kv.compact({ revision: 3, physical: true });
  await admin.call("HashKV", { revision: 0 });
  await admin.call("Defragment", {});
  t.equal((await fetch(`${url}/health`)).status, 200);
  t.equal((await fetch(`${url}/version`)).status, 404);
  const body = await (await fetch(`${url}/metrics`)).text();
  for (const line of [
    "etcd_server_has_leader 1",
    "etcd_server_is_leader 1",
    "etcd_server_is_learner 0",
    "etcd_server_proposals_pending 0",
    "etcd_server_quota_backend_bytes 2147483648",
    "etcd_server_health_success 1",
    'etcd_server_version{server_version="3.5.21"} 1',
    `etcd_server_id{server_id="${identity.memberId.toString(16)}"} 1`,
    'etcd_cluster_version{cluster_version="3.5"} 1',
    "etcd_mvcc_put_total 2",
    "etcd_mvcc_delete_total 1",
    "etcd_debugging_mvcc_keys_total 1",
    "etcd_debugging_mvcc_current_revision 3",
    "etcd_debugging_mvcc_compact_revision 3",
    "etcd_debugging_mvcc_total_put_size_in_bytes 8",
    "etcd_debugging_lease_granted_total 1",
    "etcd_debugging_lease_renewed_total 1",
    "etcd_debugging_lease_revoked_total 1",
    'etcd_debugging_lease_ttl_total_bucket{le="64"} 1',
    "etcd_debugging_mvcc_db_compaction_total_duration_milliseconds_count 1",
    "etcd_disk_backend_defrag_duration_seconds_count 1",
    "etcd_disk_defrag_inflight 0",
    "etcd_mvcc_hash_rev_duration_seconds_count 1",
    'etcd_server_apply_duration_seconds_count{version="v3",op="Put",success="true"} 1',
    'grpc_server_handling_seconds_count{grpc_type="unary",grpc_service="etcdserverpb.KV",grpc_method="Put"} 0',
  ])
    t.ok(body.includes(`\n${line}\n`), line);
  for (const name of [
    "etcd_disk_wal_fsync_duration_seconds_count",
    "etcd_disk_backend_commit_duration_seconds_count",
    "etcd_disk_wal_write_bytes_total",
    "etcd_mvcc_db_total_size_in_bytes",
    "etcd_debugging_mvcc_db_compaction_keys_total",
  ])
    t.ok(Number(new RegExp(`^${name} (.*)$`, "m").exec(body)?.[1]) > 0, name);
});
