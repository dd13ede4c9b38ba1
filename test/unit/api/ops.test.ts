import { gunzipSync } from "node:zlib";
import fastify, { type FastifyInstance } from "fastify";
import { type Test, test } from "tap";
import { debugVars, type RaftStatus } from "../../../src/api/ops/debug-vars.ts";
import { grpcMetrics } from "../../../src/api/ops/grpc-metrics.ts";
import { healthReason } from "../../../src/api/ops/health.ts";
import { healthMetrics } from "../../../src/api/ops/health-metrics.ts";
import { exponentialBounds } from "../../../src/api/ops/histogram.ts";
import { MetricRegistry } from "../../../src/api/ops/metric-registry.ts";
import { monitorPlugin, opsPlugin } from "../../../src/api/ops/plugin.ts";
import { processMetrics } from "../../../src/api/ops/process-metrics.ts";
import { gateElsewhere } from "../../../src/api/v3/gate.ts";
import { v3Methods } from "../../../src/api/v3/methods.ts";
import type { AdminClient } from "../../../src/store/admin.ts";
import { type KvClient, KvError } from "../../../src/store/kv.ts";
import { systemClock } from "../../compat/clock.ts";
import { HandClock } from "../../support/hand-clock.ts";
import { MemoryKv } from "../../support/memory-kv.ts";

const raftStatus: RaftStatus = {
  id: "abc",
  term: 2,
  vote: "abc",
  commit: 7,
  lead: "abc",
  raftState: "StateLeader",
  applied: 7,
  progress: { abc: { match: 7, next: 8, state: "StateReplicate" } },
  leadtransferee: "0",
};

interface World {
  readonly app: FastifyInstance;
  readonly kv: MemoryKv;
  readonly registry: MetricRegistry;
  leader: boolean;
  alarms: ("NOSPACE" | "CORRUPT")[];
}

async function open(t: Test, plugin: typeof opsPlugin = opsPlugin): Promise<World> {
  const app = fastify();
  t.teardown(() => app.close());
  const registry = new MetricRegistry();
  const world: World = { app, kv: new MemoryKv(), registry, leader: true, alarms: [] };
  const facts = {
    hasLeader: () => world.leader,
    clusterDecided: () => world.leader,
    alarms: () => world.alarms,
    raftStatus: () => raftStatus,
    observer: healthMetrics(registry),
  };
  await app.register(plugin({ kv: world.kv, clock: systemClock, registry, ...facts }));
  return world;
}

async function get(world: World, url: string): Promise<[status: number, body: string]> {
  const { statusCode, body } = await world.app.inject(url);
  return [statusCode, body];
}

test("/version, and what is not there", async (t) => {
  const world = await open(t);
  const version = await world.app.inject("/version");
  t.equal(version.body, '{"etcdserver":"3.5.21","etcdcluster":"3.5.0"}');
  t.equal(version.headers["content-type"], "application/json");
  world.leader = false;
  t.match(await get(world, "/version"), [200, /"etcdcluster":"not_decided"/]);
  const missing = await world.app.inject("/nothing/here");
  t.same([missing.statusCode, missing.body], [404, "404 page not found\n"]);
  t.equal(missing.headers["x-content-type-options"], "nosniff");
});

test("/health: alarms, then leader, then a read", async (t) => {
  const world = await open(t);
  const unhealthy = (reason: string): [number, string] => [503, `{"health":"false","reason":"${reason}"}\n`];
  t.same(await get(world, "/health"), [200, '{"health":"true","reason":""}']);
  world.kv.fail({ code: "kv.timeout", method: "range" });
  t.same(await get(world, "/health"), unhealthy("RANGE ERROR:etcdserver: request timed out"));
  world.kv.fail({ code: "auth.user-empty", method: "range" });
  t.same((await get(world, "/health"))[0], 200, "a store that refuses the reader is there");
  world.leader = false;
  t.same(await get(world, "/health"), unhealthy("RAFT NO LEADER"));
  t.equal((await get(world, "/health?serializable=true"))[0], 200);
  t.equal((await get(world, "/health?serializable=yes"))[0], 503, "only `true` is true");
  world.alarms = ["NOSPACE", "CORRUPT"];
  t.same(await get(world, "/health?serializable=true"), unhealthy("ALARM NOSPACE"));
  t.same(await get(world, "/health?exclude=NOSPACE&exclude=BAD"), unhealthy("ALARM CORRUPT"));
  t.equal((await get(world, "/health?serializable=true&exclude=NOSPACE&exclude=CORRUPT"))[0], 200);
  t.match((await world.app.inject("/metrics")).body, /\netcd_server_health_failures 5\n/);
});

test("/health: a read that nobody answers is a timeout after seven seconds", async (t) => {
  const clock = new HandClock();
  const kv = {
    range: (_request: object, { signal }: { signal: AbortSignal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(new KvError("kv.canceled")))),
  } as unknown as KvClient;
  const sources = { kv, clock, hasLeader: () => true, alarms: () => [] };
  const reason = healthReason(sources, { serializable: false, exclude: [] });
  await clock.advance(6999);
  t.equal(clock.pending, 1);
  await clock.advance(1);
  t.equal(await reason, "RANGE ERROR:etcdserver: request timed out");
});

test("only GET, whatever the body", async (t) => {
  const { app } = await open(t);
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  for (const url of ["/health", "/version", "/livez", "/readyz/serializable_read"]) {
    for (const method of ["POST", "PUT", "DELETE", "HEAD"] as const) {
      const answer = await app.inject({ method, url, headers, payload: "a=b" });
      t.same([answer.statusCode, answer.headers.allow], [405, "GET"], `${method} ${url}`);
    }
  }
  t.equal((await app.inject({ method: "POST", url: "/health" })).body, "Method Not Allowed\n");
});

test("/livez and /readyz", async (t) => {
  const world = await open(t);
  t.same(await get(world, "/livez"), [200, "ok\n"]);
  t.same(await get(world, "/livez?verbose"), [200, "[+]serializable_read ok\nok\n"]);
  const ready = "[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\nok\n";
  t.same(await get(world, "/readyz?verbose"), [200, ready]);
  t.same(await get(world, "/readyz/linearizable_read"), [200, "ok\n"]);
  t.equal((await get(world, "/readyz/nothing"))[0], 404);

  world.alarms = ["CORRUPT"];
  const corrupt = "[-]data_corruption failed: alarm activated: CORRUPT\n";
  const others = "[+]serializable_read ok\n[+]linearizable_read ok\n";
  t.same(await get(world, "/readyz"), [503, `${corrupt}${others}\n`]);
  t.same(await get(world, "/readyz/data_corruption"), [503, `${corrupt}\n`]);
  t.same(await get(world, "/readyz?exclude=data_corruption"), [200, "ok\n"]);
  t.same(await get(world, "/livez"), [200, "ok\n"]);
  const { body } = await world.app.inject("/metrics");
  const check = 'name="data_corruption",type="/readyz"';
  t.ok(body.includes(`\netcd_server_healthcheck{${check}} 0\n`));
  t.ok(body.includes(`\netcd_server_healthchecks_total{${check},status="success"} 1\n`));
  t.ok(body.includes(`\netcd_server_healthchecks_total{${check},status="error"} 2\n`));
});

test("/debug/vars is one JSON object", async (t) => {
  const world = await open(t);
  const answer = await world.app.inject("/debug/vars");
  t.equal(answer.headers["content-type"], "application/json; charset=utf-8");
  const vars = answer.json();
  t.same(vars["raft.status"], raftStatus);
  t.type(vars.file_descriptor_limit, "number");
  t.ok(vars.memstats.Alloc > 0);
  t.same(vars.cmdline, process.argv);
  t.notOk("raft.status" in JSON.parse(debugVars(null, Number.POSITIVE_INFINITY)));
});

test("monitoring alone has health and metrics and nothing else", async (t) => {
  const { app } = await open(t, monitorPlugin);
  for (const url of ["/health", "/livez", "/readyz", "/metrics"])
    t.equal((await app.inject(url)).statusCode, 200, url);
  for (const url of ["/version", "/debug/vars"]) t.equal((await app.inject(url)).statusCode, 404, url);
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
  const family = registry.histograms("e_seconds", "Labelled.", ["To"], [1]);
  registry.histograms("f_seconds", "Nothing yet.", ["To"], [1]);
  family.with("x").observe(2);
  family.with("x").observe(1);
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
      "# HELP e_seconds Labelled.",
      "# TYPE e_seconds histogram",
      'e_seconds_bucket{To="x",le="1"} 1',
      'e_seconds_bucket{To="x",le="+Inf"} 2',
      'e_seconds_sum{To="x"} 3',
      'e_seconds_count{To="x"} 2',
      "",
    ].join("\n"),
  );
  t.equal(await registry.renderInSlices(systemClock), registry.render());
  t.strictSame(exponentialBounds(1, 2, 4), [1, 2, 4, 8]);
});

test("gRPC calls are counted by method, code and client version", async (t) => {
  const { app, registry, kv } = await open(t);
  t.teardown(processMetrics(registry, systemClock));
  let now = 1000;
  const methods = v3Methods({ kv, admin: {} as AdminClient, gate: gateElsewhere });
  const observer = grpcMetrics(registry, methods, { now: () => now });
  const path = "/etcdserverpb.KV/Put";
  const started = observer.started(path, {
    get: (name) => (name === "client-api-version" ? "3.5" : undefined),
  });
  now += 7;
  observer.handled(path, 5, started);
  for (let i = 0; i < 100; i++) observer.started("/etcdserverpb.Watch/Watch", { get: () => `made up ${i}` });
  const answer = await app.inject("/metrics");
  t.match(answer.headers["content-type"], /^text\/plain; version=0\.0\.4/);
  const small = await app.inject({ url: "/metrics", headers: { "accept-encoding": "deflate, gzip" } });
  t.equal(small.headers["content-encoding"], "gzip");
  t.match(gunzipSync(small.rawPayload).toString(), /^# HELP argosy_event_loop_delay_seconds/);
  const handled = (code: string): string =>
    `grpc_server_handled_total{grpc_code="${code}",grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"}`;
  const seconds = 'grpc_type="unary",grpc_service="etcdserverpb.KV",grpc_method="Put"';
  for (const line of [
    `${handled("NotFound")} 1`,
    `${handled("OK")} 0`,
    `grpc_server_handling_seconds_bucket{${seconds},le="0.005"} 0`,
    `grpc_server_handling_seconds_bucket{${seconds},le="0.01"} 1`,
    'etcd_server_client_requests_total{client_api_version="3.5",type="unary"} 1',
    'etcd_server_client_requests_total{client_api_version="other",type="stream"} 37',
  ]) {
    t.ok(answer.body.includes(`\n${line}\n`), line);
  }
  for (const name of [
    "process_resident_memory_bytes",
    "process_open_fds",
    "argosy_event_loop_delay_seconds{q",
  ])
    t.ok(answer.body.includes(`\n${name}`), name);
});
