/**
 * Membership as an operator sees it: agents are processes that are killed between the steps, `etcdctl` makes the changes
 * (etcd.md 17.4 to 17.6). What was acknowledged is there at the end, and a removed member's process ends by itself.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "tap";
import { etcdctlMissing } from "../compat/etcd.ts";
import { etcdctl } from "../compat/etcdctl.ts";
import { freePorts } from "../support/agents.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const tryAgainMs = 100;
const triesMax = 300;

/** One agent as a process; it may be started again after its end. */
class AgentProcess {
  readonly name: string;
  readonly endpoint: string;
  readonly peerUrl: string;
  readonly #flags: string[];
  #child: ChildProcess | null = null;
  exitCode: number | null = null;

  constructor(
    directory: string,
    name: string,
    [client, peer]: readonly number[],
    known: readonly AgentProcess[],
  ) {
    this.name = name;
    this.endpoint = `127.0.0.1:${client}`;
    this.peerUrl = `http://127.0.0.1:${peer}`;
    const cluster = [...known, this].map((agent) => `${agent.name}=${agent.peerUrl}`).join(",");
    const state = known.length === 0 ? "new" : "existing";
    this.#flags = ["--name", name, "--data-dir", join(directory, name), "--units", "off", "--network", "off"];
    this.#flags.push("--listen-client-urls", `http://${this.endpoint}`, "--initial-cluster", cluster);
    this.#flags.push(
      "--initial-cluster-state",
      state,
      "--election-timeout",
      "300",
      "--heartbeat-interval",
      "50",
    );
  }

  /** Resolves when it says something matching, or has ended. */
  async start(says = /ready to serve client requests/): Promise<void> {
    const child = spawn(process.execPath, [main, "run", ...this.#flags], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    this.exitCode = null;
    child.once("exit", (code) => (this.exitCode = code));
    await new Promise<void>((resolve) => {
      child.stderr!.setEncoding("utf8").on("data", (chunk: string) => {
        if (says.test(chunk)) resolve();
      });
      child.once("exit", () => resolve());
    });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  async ended(): Promise<number | null> {
    const child = this.#child!;
    if (child.exitCode === null && child.signalCode === null) {
      await new Promise((resolve) => child.once("exit", resolve));
    }
    return this.exitCode;
  }
}

/** Runs etcdctl until it succeeds: a cluster is healthy only after some seconds. */
async function succeed(agent: AgentProcess, ...args: string[]): Promise<string> {
  let last = "";
  for (let tries = 0; tries < triesMax; tries++) {
    const { stdout, stderr, exitCode } = await etcdctl(agent.endpoint, ["--command-timeout=3s", ...args]);
    if (exitCode === 0) return stdout;
    last = stderr;
    await new Promise((resolve) => setTimeout(resolve, tryAgainMs));
  }
  throw new Error(`etcdctl ${args.join(" ")}: ${last}`);
}

async function startedMembers(agent: AgentProcess): Promise<string> {
  const lines = (await succeed(agent, "member", "list")).trim().split("\n");
  return lines
    .map((line) => line.split(", ").slice(1, 3).join(":"))
    .sort()
    .join(" ");
}

test("members come, go and are killed in between", { skip: etcdctlMissing, timeout: 180_000 }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "argosy-members-"));
  const ports = await freePorts(6);
  const agents: AgentProcess[] = [];
  for (const [i, name] of ["m1", "m2", "m3"].entries()) {
    agents.push(new AgentProcess(directory, name, ports.slice(2 * i, 2 * i + 2), [...agents]));
  }
  const [m1, m2, m3] = agents as [AgentProcess, AgentProcess, AgentProcess];
  t.teardown(async () => {
    for (const agent of agents) await agent.kill();
    rmSync(directory, { recursive: true, force: true });
  });
  let puts = 0;
  const put = async (at: AgentProcess): Promise<void> => {
    await succeed(at, "put", `key${puts}`, "value");
    puts++;
  };

  await m1.start();
  await put(m1);
  await succeed(m1, "member", "add", "m2", `--peer-urls=${m2.peerUrl}`);
  await m1.kill();
  await m1.start();
  await put(m1);
  t.equal(
    await startedMembers(m1),
    "started:m1 unstarted:",
    "a member killed after the addition knows of it",
  );

  await m2.start(/peer connected/);
  await m2.kill();
  await m2.start(/raft role changed/);
  await m2.kill();
  await m2.start();
  await put(m2);
  t.equal(await startedMembers(m2), "started:m1 started:m2", "the new one was killed twice while it joined");

  await succeed(m2, "member", "add", "m3", `--peer-urls=${m3.peerUrl}`, "--learner");
  await m3.start(/peer connected/);
  await m3.kill();
  await m3.start();
  const list = await succeed(m1, "member", "list");
  const id = /^(\w+), started, m3,.*true$/m.exec(list)![1]!;
  await succeed(m1, "member", "promote", id);
  await Promise.all(agents.map((agent) => agent.kill()));
  await Promise.all(agents.map((agent) => agent.start()));
  await put(m3);
  t.match(await succeed(m3, "member", "list"), /, m3,.*false$/m, "promoted, also after all were killed");

  const own = /^(\w+), started, m1,/m.exec(await succeed(m2, "member", "list"))![1]!;
  await succeed(m2, "member", "remove", own);
  t.equal(await m1.ended(), 0, "the removed one's process ends by itself");
  await put(m2);
  await m2.kill();
  await m2.start();
  await put(m3);
  t.equal(await startedMembers(m3), "started:m2 started:m3");
  for (const agent of [m2, m3]) {
    const found = await succeed(agent, "get", "key", "--prefix", "--keys-only");
    t.equal(found.split("\n").filter(Boolean).length, puts, `all keys at ${agent.name}`);
  }
  await m1.start();
  t.ok([0, 1].includes((await m1.ended())!), "its data directory is of no use any more");
});
