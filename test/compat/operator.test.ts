/** The operator's HTTP endpoints of a whole agent beside etcd's own (etcd.md sections 13 and 16). */
import { test } from "tap";
import { startCluster } from "../support/agents.ts";
import { etcdMissing, startEtcd } from "./etcd.ts";

/** What differs for everybody and every time: HTTP's own housekeeping, and lengths that follow from the body. */
const ownHeaders = ["date", "content-length", "connection", "keep-alive", "transfer-encoding"];

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

async function ask(endpoint: string, method: string, path: string): Promise<Answer> {
  const response = await fetch(`http://${endpoint}${path}`, { method });
  const headers = [...response.headers].filter(([name]) => !ownHeaders.includes(name)).sort();
  return { status: response.status, headers: Object.fromEntries(headers), body: await response.text() };
}

/** 3.5 says more than 3.4 in some bodies. */
function since35({ status, headers, body }: Answer): Answer {
  return { status, headers, body: body.replace(/,"reason":""/, "").replaceAll(/"3\.\d\.\d+"/g, '"3.x.y"') };
}

/** Metrics of Debian's etcd 3.4 that are not ours, each with its reason. */
const notOurs: readonly (readonly [names: RegExp, reason: string])[] = [
  [/^go_/, "the runtime is not Go"],
  [/^promhttp_/, "of Go's HTTP handler, not of etcd"],
  [/^etcd_grpc_proxy_/, "there is no gRPC proxy"],
  [/^etcd_debugging_disk_backend_commit_/, "phases of bbolt's commit"],
  [/^etcd_debugging_store_/, "there is no v2 API yet"],
  [/^etcd_debugging_mvcc_(range|put|delete|txn)_total$/, "old names, dropped in 3.5"],
  [/^etcd_debugging_mvcc_db_total_size_in_bytes$/, "old name, dropped in 3.5"],
  [/^etcd_debugging_snap_save_/, "the log's snapshot record is no file of its own"],
  [/^etcd_debugging_mvcc_index_compaction_pause_/, "index and rows are compacted in one slice"],
  [/^etcd_mvcc_hash_duration_seconds$/, "Hash is HashKV of the present"],
  [/^process_virtual_memory_/, "V8 reserves address space by the gigabyte: the number would only mislead"],
];

function typesOf(metrics: string): Map<string, string> {
  return new Map([...metrics.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [name!, type!]));
}

test("operators see the same", { skip: etcdMissing }, async (t) => {
  const etcd = await startEtcd();
  t.teardown(() => etcd.stop());
  const cluster = await startCluster(1, { metrics: "extensive" });
  t.teardown(() => cluster.close());
  const ours = cluster.agents[0]!.endpoint;
  const requests = ["GET", "POST", "PUT", "DELETE", "HEAD"].flatMap((method) =>
    ["/version", "/health", "/health?serializable=true", "/health?exclude=NOSPACE", "/nothing"].map(
      (path) => [method, path] as const,
    ),
  );
  for (const [method, path] of requests) {
    const [theirs, own] = [await ask(etcd.endpoint, method, path), await ask(ours, method, path)];
    t.same(since35(own), since35(theirs), `${method} ${path}`);
  }

  const [theirs, own] = [await ask(etcd.endpoint, "GET", "/metrics"), await ask(ours, "GET", "/metrics")];
  t.same(own.headers, theirs.headers, "/metrics is of the same type");
  const ownTypes = typesOf(own.body);
  // Some have no value before something happens.
  const later = /^etcd_(server_apply_duration_seconds|network_)/;
  for (const [name, type] of typesOf(theirs.body)) {
    if (notOurs.some(([names]) => names.test(name)) || (later.test(name) && !ownTypes.has(name))) continue;
    t.equal(ownTypes.get(name), type, name);
  }
  for (const [names] of notOurs)
    t.notOk(
      [...ownTypes.keys()].some((name) => names.test(name)),
      `${names} are really not ours`,
    );

  const [theirVars, ownVars] = [await variables(etcd.endpoint), await variables(ours)];
  t.same(Object.keys(ownVars).sort(), Object.keys(theirVars).sort(), "/debug/vars");
  t.same(shape(ownVars["raft.status"]), shape(theirVars["raft.status"]));
});

async function variables(endpoint: string): Promise<Record<string, unknown>> {
  const response = await fetch(`http://${endpoint}/debug/vars`);
  return (await response.json()) as Record<string, unknown>;
}

/** Types in place of values, and ID in place of ids. */
function shape(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return typeof value;
  const entries = Object.entries(value).map(([name, each]) => [
    /^[0-9a-f]{9,}$/.test(name) ? "ID" : name,
    shape(each),
  ]);
  return Object.fromEntries(entries);
}
