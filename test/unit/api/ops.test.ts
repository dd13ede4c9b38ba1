import fastify, { type FastifyInstance } from "fastify";
import { type Test, test } from "tap";
import { grpcMetrics } from "../../../src/api/ops/grpc-metrics.ts";
import { exponentialBounds, MetricRegistry } from "../../../src/api/ops/metrics.ts";
import { opsPlugin } from "../../../src/api/ops/plugin.ts";
import { processMetrics } from "../../../src/api/ops/process-metrics.ts";
import { serverMetrics } from "../../../src/api/ops/server-metrics.ts";
import { gateElsewhere } from "../../../src/api/v3/gate.ts";
import { v3Methods } from "../../../src/api/v3/methods.ts";
import type { AdminClient } from "../../../src/store/admin.ts";
import { systemClock } from "../../compat/clock.ts";
import { MemoryKv } from "../../support/memory-kv.ts";

interface World {
  readonly app: FastifyInstance;
  readonly kv: MemoryKv;
  readonly registry: MetricRegistry;
  leader: boolean;
  alarms: string[];
}

async function open(t: Test): Promise<World> {
  const app = fastify();
  t.teardown(() => app.close());
  const world = { app, kv: new MemoryKv(), registry: new MetricRegistry(), leader: true, alarms: [] };
  const facts = {
    hasLeader: () => world.leader,
    clusterDecided: () => world.leader,
    alarms: () => world.alarms,
  };
  await app.register(opsPlugin({ kv: world.kv, clock: systemClock, registry: world.registry, ...facts }));
  return world;
}

test("/version, and what is not there", async (t) => {
  const world = await open(t);
  const { app } = world;
  t.strictSame((await app.inject("/version")).json(), { etcdserver: "3.5.21", etcdcluster: "3.5.0" });
  world.leader = false;
  t.equal((await app.inject("/version")).json().etcdcluster, "not_decided");
  const missing = await app.inject("/nothing/here");
  t.equal(missing.statusCode, 404);
  t.equal(missing.body, "404 page not found\n");
});

test("/health: alarms, then leader, then a read", async (t) => {
  const world = await open(t);
  const get = async (query = ""): Promise<[number, unknown]> => {
    const { statusCode, body } = await world.app.inject(`/health${query}`);
    return [statusCode, JSON.parse(body)];
  };
  t.equal((await world.app.inject("/health")).body, '{"health":"true","reason":""}');
  world.kv.fail({ code: "kv.timeout", method: "range" });
  const text = "RANGE ERROR:etcdserver: request timed out";
  t.strictSame(await get(), [503, { health: "false", reason: text }]);
  world.leader = false;
  t.strictSame(await get(), [503, { health: "false", reason: "RAFT NO LEADER" }]);
  t.equal((await get("?serializable=true"))[0], 200);
  world.alarms = ["NOSPACE"];
  t.strictSame(await get("?serializable=true"), [503, { health: "false", reason: "ALARM NOSPACE" }]);
  t.equal((await get("?serializable=true&exclude=NOSPACE&exclude=BAD"))[0], 200);
  for (const method of ["POST", "PUT", "DELETE"] as const) {
    const answer = await world.app.inject({ method, url: "/health" });
    t.equal(answer.statusCode, 405, method);
    t.equal(answer.headers.allow, "GET");
  }
});

test("the text format", async (t) => {
  const registry = new MetricRegistry();
  registry.gauge("b", "A value.", () => 1.5);
  registry.counter("a_total", "With labels.", () => [
    { labels: { name: 'x"\\\n', code: "OK" }, value: 2 },
    { labels: {}, value: Number.POSITIVE_INFINITY },
  ]);
  const seconds = registry.histogram("c_seconds", "Buckets.", [0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) seconds.observe(value);
  registry.gauge("d", "Cannot be read now.", () => {
    throw new Error("gone");
  });
  t.equal(
    registry.render(),
    [
      "# HELP a_total With labels.",
      "# TYPE a_total counter",
      'a_total{name="x\\"\\\\\\n",code="OK"} 2',
      "a_total +Inf",
      "# HELP b A value.",
      "# TYPE b gauge",
      "b 1.5",
      "# HELP c_seconds Buckets.",
      "# TYPE c_seconds histogram",
      'c_seconds_bucket{le="0.1"} 2',
      'c_seconds_bucket{le="1"} 3',
      'c_seconds_bucket{le="+Inf"} 4',
      "c_seconds_sum 7.65",
      "c_seconds_count 4",
      "",
    ].join("\n"),
  );
  t.strictSame(exponentialBounds(1, 2, 4), [1, 2, 4, 8]);
});

test("/metrics has etcd's names", async (t) => {
  const { app, registry, kv } = await open(t);
  const stop = processMetrics(registry);
  t.teardown(stop);
  const one = (): number => 1;
  const observeFsync = serverMetrics(registry, {
    memberId: "abc",
    hasLeader: () => true,
    isLeader: () => false,
    leaderChanges: one,
    proposalsCommitted: one,
    proposalsApplied: one,
    proposalsPending: one,
    proposalsFailed: one,
  });
  const observer = grpcMetrics(registry, v3Methods({ kv, admin: {} as AdminClient, gate: gateElsewhere }));
  observeFsync(0.003);
  observer.started("/etcdserverpb.KV/Put");
  observer.handled("/etcdserverpb.KV/Put", 5);
  const answer = await app.inject("/metrics");
  t.match(answer.headers["content-type"], /^text\/plain; version=0\.0\.4/);
  const handled = (code: string): string =>
    `grpc_server_handled_total{grpc_code="${code}",grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"}`;
  for (const line of [
    "etcd_server_has_leader 1",
    "etcd_server_is_leader 0",
    'etcd_disk_wal_fsync_duration_seconds_bucket{le="0.004"} 1',
    'etcd_disk_wal_fsync_duration_seconds_bucket{le="8.192"} 1',
    `${handled("NotFound")} 1`,
    `${handled("OK")} 0`,
  ]) {
    t.ok(answer.body.includes(`\n${line}\n`), line);
  }
  for (const name of [
    "process_resident_memory_bytes",
    "process_open_fds",
    "argosy_event_loop_delay_seconds{quantile",
  ]) {
    t.ok(answer.body.includes(`\n${name}`), name);
  }
});
