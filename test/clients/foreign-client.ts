/**
 * Clients in other languages: built in a cache directory with what their registries have, run against a whole agent and, to
 * know that they are right, against Debian's etcd. Where a tool or a registry is missing the test skips and says so.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import process from "node:process";
import { type Test, test } from "tap";
import { etcdMissing, startEtcd } from "../compat/etcd.ts";
import { startCluster } from "../support/agents.ts";

export const clientsDirectory = import.meta.dirname;
export const protoDirectory = join(clientsDirectory, "proto");

/** What every client checks, by the names that they print. */
const checks = [
  "put and get",
  "txn",
  "history",
  "watch",
  "lease",
  "errors",
  "lock",
  "deadline",
  "large messages",
  "gzip",
  "snapshot",
  "auth",
];
/**
 * etcd 3.4 takes no compressed requests; etcd.md section 1 asks for it. And its Lock service may tell of a deadline before the
 * client sees it pass, as an unknown error.
 */
const beyondOracle = ["gzip", "deadline"];

export interface ForeignClient {
  readonly language: string;
  /** Programs that building and running take. */
  readonly tools: readonly string[];
  /** Makes the client in `cache`, a directory of its own that outlives the test; tells how to run it, without the endpoint. */
  build(cache: string): Promise<{ command: string; args: (endpoint: string) => readonly string[] }>;
}

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail?: string;
}

export function foreignClientTest(client: ForeignClient): void {
  const missing = client.tools.find((tool) => !onPath(tool));
  const skip = missing ? `${missing} is not installed` : false;
  test(`a client in ${client.language}`, { skip, timeout: 280_000 }, async (t) => {
    const cache = join(homedir(), ".cache", "argosy-test", client.language.toLowerCase());
    await mkdir(cache, { recursive: true });
    let built: Awaited<ReturnType<ForeignClient["build"]>>;
    try {
      built = await client.build(cache);
    } catch (error) {
      if (!isOffline(String(error))) throw error;
      t.plan(0, `the registry of ${client.language} does not answer: ${String(error).slice(-200)}`);
      return;
    }
    const cluster = await startCluster(1);
    t.teardown(() => cluster.close());
    const ours = await run(built.command, built.args(cluster.agents[0]!.endpoint));
    judge(t, "argosy", ours, checks);
    if (etcdMissing) return;
    const oracle = await startEtcd();
    t.teardown(() => oracle.stop());
    const theirs = await run(built.command, built.args(oracle.endpoint));
    judge(
      t,
      "etcd",
      theirs,
      checks.filter((name) => !beyondOracle.includes(name)),
    );
  });
}

function judge(t: Test, target: string, output: string, wanted: readonly string[]): void {
  const lines = output.split("\n").filter((line) => line.startsWith("{"));
  const results = new Map(lines.map((line) => JSON.parse(line) as Check).map((check) => [check.name, check]));
  for (const name of wanted) {
    const { ok = false, detail = "was not run" } = results.get(name) ?? {};
    t.ok(ok, `${target}: ${name}${ok ? "" : `: ${detail}`}`);
  }
}

/** Runs a program to its end; what it printed. Throws with its last words when it fails. */
export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const limits = { maxBuffer: 64 * 1024 * 1024, timeout: 270_000 };
    execFile(command, [...args], { ...options, ...limits }, (error, stdout, stderr) => {
      if (error)
        reject(new Error(`${command} ${args[0]}: ${(stdout + stderr).slice(-2000)}`, { cause: error }));
      else resolve(stdout);
    });
  });
}

function onPath(tool: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((directory) => existsSync(join(directory, tool)));
}

function isOffline(message: string): boolean {
  return /no such host|dial tcp|Temporary failure in name|Network is unreachable|Unknown host|Could not transfer artifact|Max retries exceeded|No matching distribution|i\/o timeout|connection refused/i.test(
    message,
  );
}
