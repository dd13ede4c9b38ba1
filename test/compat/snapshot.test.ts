/**
 * `etcdctl snapshot` against us: the file passes its checks, says the same as the oracle's after the same session, and a real
 * etcd restored from it serves the same state (etcd.md 8.6, 17.7; line 14 of section 22).
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "tap";
import { BboltFile, bytesOf } from "../../src/host/bbolt/read.ts";
import { startCluster } from "../support/agents.ts";
import { etcdctlMissing, etcdMissing, startEtcd } from "./etcd.ts";
import { etcdctl } from "./etcdctl.ts";

const skip = etcdMissing || etcdctlMissing;

/** Puts, an overwritten and a deleted key, a txn of three changes, leases, users and roles, a compaction. */
const session: readonly (readonly [args: string[], input?: string])[] = [
  ...Array.from({ length: 40 }, (_, i): [string[]] => [["put", `k${i}`, `value ${i}`]]),
  [["put", "big", "x".repeat(70_000)]],
  [["put", "k1", "again"]],
  [["del", "k2", "k5"]],
  [["txn"], '\n\nput t1 "1"\nput t2 "2"\ndel k7\n\n'],
  [["lease", "grant", "500"]],
  [["put", "gone", "x"]],
  [["del", "gone"]],
  [["compaction", "20", "--physical"]],
  [["user", "add", "root:secret"]],
  [["user", "add", "ann:other"]],
  [["role", "add", "reader"]],
  [["role", "grant-permission", "reader", "read", "k", "l"]],
  [["user", "grant-role", "ann", "reader"]],
  [["put", "last", "one"]],
];

/** Plays the session and saves a snapshot of the result. */
async function play(endpoint: string, file: string): Promise<void> {
  for (const [args, input] of session) {
    const printed = await etcdctl(endpoint, args, input);
    if (printed.exitCode !== 0) throw new Error(`etcdctl ${args.join(" ")}: ${printed.stderr}`);
  }
  const saved = await etcdctl(endpoint, ["snapshot", "save", file]);
  if (saved.exitCode !== 0) throw new Error(saved.stderr);
}

test("etcdctl takes a snapshot of ours for etcd's", { skip, timeout: 120_000 }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "argosy-snapshot-"));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const files = { oracle: join(directory, "oracle.db"), ours: join(directory, "ours.db") };
  const oracle = await startEtcd();
  t.teardown(() => oracle.stop());
  const cluster = await startCluster(1);
  t.teardown(() => cluster.close());
  const { endpoint } = cluster.agents[0]!;
  await Promise.all([play(oracle.endpoint, files.oracle), play(endpoint, files.ours)]);

  t.equal(statSync(files.ours).size % 512, 32, "the length that snapshot save checks");
  const file = readFileSync(files.ours);
  const sum = createHash("sha256").update(file.subarray(0, -32)).digest();
  t.ok(sum.equals(file.subarray(-32)), "the sum is that of the rest");

  const [expected, actual] = [read(files.oracle), read(files.ours)];
  t.strictSame([...actual.keys()], [...expected.keys()], "the same buckets in the same order");
  t.strictSame(actual.get("key"), expected.get("key"), "history, byte by byte");
  t.strictSame(actual.get("authRoles"), expected.get("authRoles"));
  t.strictSame(actual.get("authUsers")?.map(withoutHash), expected.get("authUsers")?.map(withoutHash));
  t.equal(actual.get("lease")?.length, 1);
  t.match(
    actual.get("meta")?.map(([key]) => key),
    ["confState", "consistent_index", "finishedCompactRev", "scheduledCompactRev", "term"],
  );

  const [statusOf, ownStatus] = await Promise.all([status(files.oracle), status(files.ours)]);
  t.equal(ownStatus.revision, statusOf.revision, "snapshot status: revision");
  // etcd 3.4 knows neither confState nor term.
  const entries = (buckets: ReadonlyMap<string, Pair[]>): number =>
    [...buckets.values()].reduce((count, pairs) => count + pairs.length, 0);
  t.equal(ownStatus.totalKey, entries(actual), "snapshot status: keys");
  t.equal(statusOf.totalKey, entries(expected));

  const restoredIn = join(directory, "restored");
  const restore = ["snapshot", "restore", files.ours, "--name", "oracle", "--data-dir", restoredIn];
  const cluster1 = ["--initial-cluster", "oracle=http://127.0.0.1:1", "--initial-advertise-peer-urls"];
  const printed = await etcdctl(endpoint, [...restore, ...cluster1, "http://127.0.0.1:1"]);
  t.equal(printed.exitCode, 0, printed.stderr);
  const restored = await startEtcd({ directory: restoredIn });
  t.teardown(() => restored.stop());
  for (const args of [
    ["get", "", "--from-key", "-w", "fields"],
    ["get", "", "--from-key", "--rev", "30", "-w", "fields"],
    ["lease", "list"],
    ["user", "get", "ann"],
    ["role", "get", "reader"],
  ]) {
    const [theirs, own] = await Promise.all([etcdctl(restored.endpoint, args), etcdctl(endpoint, args)]);
    t.equal(
      withoutHeader(theirs.stdout),
      withoutHeader(own.stdout),
      `etcd restored from it: ${args.join(" ")}`,
    );
    t.equal(theirs.exitCode, 0);
  }
  await etcdctl(restored.endpoint, ["user", "grant-role", "root", "root"]);
  await etcdctl(restored.endpoint, ["auth", "enable"]);
  const asAnn = await etcdctl(restored.endpoint, ["--user", "ann:other", "get", "k1", "--print-value-only"]);
  t.equal(asAnn.stdout, "again\n", "passwords work there");
});

test("writes go on while a snapshot is taken, and it holds one moment", {
  skip,
  timeout: 120_000,
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "argosy-snapshot-"));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const cluster = await startCluster(1);
  t.teardown(() => cluster.close());
  const { kv, admin } = cluster.agents[0]!.agent.server!;
  const value = Buffer.alloc(2000, "v");
  for (let i = 0; i < 2000; i++) await kv.put({ key: Buffer.from(`a${i}`), value });
  const pieces: Buffer[] = [];
  let revision = 0;
  let writes = 0;
  for await (const piece of admin.snapshot()) {
    pieces.push(Buffer.from(piece.blob));
    if (pieces.length % 4 > 0) continue;
    revision ||= (await kv.range({ key: Buffer.from("a0") })).header!.revision;
    await kv.put({ key: Buffer.from("b"), value });
    writes++;
  }
  t.ok(writes > 10);
  const file = new BboltFile(bytesOf(Buffer.concat(pieces)));
  const keys = [...file.entries("key")].map(([key]) => Number(key.readBigUInt64BE(0)));
  t.equal(keys.at(-1), revision, "nothing written after the beginning is in it");
  t.equal(keys.length, 2000);
});

test("more than four at once are refused, and one that is given up makes room", async (t) => {
  const cluster = await startCluster(1);
  t.teardown(() => cluster.close());
  const { admin } = cluster.agents[0]!.agent.server!;
  const begin = (): AsyncIterator<unknown> => admin.snapshot()[Symbol.asyncIterator]();
  const open = Array.from({ length: 4 }, begin);
  for (const snapshot of open) await snapshot.next();
  await t.rejects(begin().next(), { code: "kv.too-many-requests" });
  await open[0]!.return!();
  const next = begin();
  t.equal((await next.next()).done, false);
  for (const snapshot of [...open, next]) await snapshot.return!();
});

type Pair = readonly [key: string, value: string];

function read(path: string): Map<string, Pair[]> {
  const file = new BboltFile(bytesOf(readFileSync(path)));
  return new Map(
    file.bucketNames.map((name) => [
      name,
      [...file.entries(name)].map(
        ([key, value]) => [key.toString("latin1"), value.toString("latin1")] as const,
      ),
    ]),
  );
}

/** bcrypt has its salt in the hash. */
function withoutHash([key, value]: Pair): Pair {
  return [key, value.replace(/\$2[ab]\$10\$.{53}/s, "hash")];
}

function withoutHeader(printed: string): string {
  return printed
    .split("\n")
    .filter((line) => !/^"(ClusterID|MemberID|RaftTerm)"/.test(line))
    .join("\n");
}

async function status(path: string): Promise<{ revision: number; totalKey: number }> {
  const printed = await etcdctl("", ["snapshot", "status", path, "-w", "json"]);
  return JSON.parse(printed.stdout);
}
