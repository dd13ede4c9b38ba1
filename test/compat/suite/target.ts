/** The two targets of the suite: Debian's etcd, and whole agents of ours. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { freePorts, startCluster } from "../../support/agents.ts";
import type { SuiteTarget } from "./run.ts";

export interface TargetOptions {
  readonly members: number;
  readonly flags: Readonly<Record<string, string>>;
  /** Each member as a process of its own, which a case may kill. */
  readonly separate?: boolean;
}

/** A cluster of etcd 3.4. Resolves when all of it serve. */
export async function startOracle({ members, flags }: TargetOptions): Promise<SuiteTarget> {
  return startProcesses("etcd34", members, (usual) => ({
    command: ["/usr/bin/etcd"],
    flags: { ...usual, logger: "zap", ...flags },
  }));
}

/** A cluster of agents: in this process, or as processes of their own where a case kills one. */
export async function startOurs({ members, flags, separate }: TargetOptions): Promise<SuiteTarget> {
  if (separate) {
    return startProcesses("argosy", members, (usual) => ({
      command: [process.execPath, join(import.meta.dirname, "../../../src/main.ts"), "run"],
      flags: { ...usual, units: "off", network: "off", ...flags },
    }));
  }
  // The older name of a flag is known to the command line only.
  const named = Object.entries(flags).map(([name, value]) => [name.replace(/^experimental-/, ""), value]);
  const cluster = await startCluster(members, Object.fromEntries(named));
  return {
    kind: "argosy",
    endpoints: cluster.agents.map(({ endpoint }) => endpoint),
    kill: (index) => cluster.agents[index]!.stop(),
    stop: () => cluster.close(),
  };
}

type Program = (usual: Record<string, string>) => {
  command: readonly string[];
  flags: Readonly<Record<string, string>>;
};

async function startProcesses(
  kind: SuiteTarget["kind"],
  members: number,
  program: Program,
): Promise<SuiteTarget> {
  const directory = mkdtempSync(join(tmpdir(), "argosy-oracle-"));
  const ports = await freePorts(2 * members);
  const urls = Array.from({ length: members }, (_, i) => ({
    client: `http://127.0.0.1:${ports[2 * i]}`,
    peer: `http://127.0.0.1:${ports[2 * i + 1]}`,
  }));
  const initial = urls.map(({ peer }, i) => `m${i + 1}=${peer}`).join(",");
  const children = urls.map(({ client, peer }, i) => {
    const { command, flags } = program({
      name: `m${i + 1}`,
      "data-dir": join(directory, `m${i + 1}`),
      "listen-client-urls": client,
      "advertise-client-urls": client,
      "listen-peer-urls": peer,
      "initial-advertise-peer-urls": peer,
      "initial-cluster": initial,
    });
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    return spawn(command[0]!, [...command.slice(1), ...args], { stdio: ["ignore", "ignore", "pipe"] });
  });
  // A test that is ended by its time limit tears nothing down.
  const killAll = (): void => {
    for (const child of children) child.kill("SIGKILL");
  };
  process.once("exit", killAll).once("SIGALRM", killAll);
  const stopOne = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await exited;
  };
  const stop = async (): Promise<void> => {
    await Promise.all(children.map(stopOne));
    process.off("exit", killAll).off("SIGALRM", killAll);
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await Promise.all(children.map(serving));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    kind,
    endpoints: urls.map(({ client }) => client.slice("http://".length)),
    kill: (index) => stopOne(children[index]!),
    stop,
  };
}

function serving(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = "";
    const read = (chunk: Buffer): void => {
      log = (log + chunk.toString("utf8")).slice(-4000);
      if (
        !/ready to serve client requests|serving insecure client requests|serving client traffic insecurely/.test(
          log,
        )
      )
        return;
      child.stderr!.removeListener("data", read);
      child.stderr!.resume();
      resolve();
    };
    child.stderr!.on("data", read);
    child.once("exit", () => reject(new Error(`the server did not start: ${log.slice(-500)}`)));
  });
}
