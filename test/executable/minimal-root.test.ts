/** dist/agent where there is nothing but libc: it serves; what is missing costs one feature and one line each. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "tap";
import { MinimalRoot, obstacle } from "./minimal-root.ts";

const skip = obstacle() ?? false;

test("the executable names its version", { skip }, async (t) => {
  await using root = await MinimalRoot.make();
  const { code, out, err } = await root.agent("version");
  t.equal(code, 0, err);
  t.match(out, /\d+\.\d+\.\d+/);
});

test("it serves keys and says once what it cannot do here", { skip }, async (t) => {
  await using root = await MinimalRoot.make();
  t.notOk(existsSync(join(root.path, "usr/bin/node")), "there is no Node in the root");
  await using agent = root.start();
  await agent.until("the agent is healthy", () => agent.isHealthy());

  const load = join(import.meta.dirname, "../bench/load-unary.ts");
  const puts = JSON.parse(await agent.inNetwork(process.execPath, load, "--seconds", "1", "--clients", "4"));
  t.ok(puts.calls > 0, "puts over gRPC are answered");
  t.equal(puts.errors, 0);

  const lines = agent.logLines.filter(({ level }) => level === "warn" || level === "error");
  t.equal(lines.filter(({ level }) => level === "error").length, 0, "nothing is an error");
  for (const [feature, pattern] of Object.entries({ units: /systemd|D-Bus|unit/i })) {
    const about = lines.filter((line) => pattern.test(JSON.stringify(line)));
    t.equal(about.length, 1, `one line about ${feature}: ${JSON.stringify(lines)}`);
  }

  const native = (await readdir(join(root.path, "tmp/argosy-0")).catch(() => [])).length;
  t.ok(native > 0, "the native parts went to /tmp, the only place that there is");
  t.equal(await agent.stop(), 0, "SIGTERM ends it in good order");
});

const noEtcdctl = existsSync("/usr/bin/etcdctl") ? false : "needs etcdctl (Debian: etcd-client)";

test("etcdctl from outside works against it", { skip: skip || noEtcdctl }, async (t) => {
  await using root = await MinimalRoot.make();
  await using agent = root.start();
  await agent.until("the agent is healthy", () => agent.isHealthy());
  t.equal(await agent.inNetwork("/usr/bin/etcdctl", "put", "greeting", "hello"), "OK\n");
  t.equal(await agent.inNetwork("/usr/bin/etcdctl", "get", "greeting"), "greeting\nhello\n");
});

test("with nowhere to put the native parts, one line says so", { skip }, async (t) => {
  await using root = await MinimalRoot.make();
  const { code, err, out } = await root.agentWithoutTmp("run", "--data-dir", "/data/x");
  t.not(code, 0);
  t.match(err + out, /CACHE_DIRECTORY/);
});

test("passwords work without a file of the thread that hashes them", {
  skip: skip || noEtcdctl,
}, async (t) => {
  await using root = await MinimalRoot.make();
  await using agent = root.start();
  await agent.until("the agent is healthy", () => agent.isHealthy());
  const etcdctl = (...args: string[]): Promise<string> => agent.inNetwork("/usr/bin/etcdctl", ...args);
  await etcdctl("user", "add", "root:pw");
  await etcdctl("user", "grant-role", "root", "root");
  t.equal(await etcdctl("auth", "enable"), "Authentication Enabled\n");
  t.equal(await etcdctl("--user=root:pw", "put", "greeting", "hello"), "OK\n");
  await t.rejects(etcdctl("--user=root:no", "get", "greeting"));
  await t.rejects(etcdctl("get", "greeting"));
});
