/** Servers of one cluster as processes of their own, for what a test cannot do to itself: kill one without a word. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePorts } from "./agents.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export interface ProcessCluster {
  /** `http://host:port` for clients, one a member. */
  readonly endpoints: readonly string[];
  /** SIGKILL; resolves when the process is gone. */
  kill(member: number): Promise<void>;
  close(): Promise<void>;
}

/** Starts `count` servers and waits until each says that it serves. */
export async function startProcesses(
  count: number,
  flags: Readonly<Record<string, string>> = {},
): Promise<ProcessCluster> {
  const directory = await mkdtemp(join(tmpdir(), "argosy-processes-"));
  const ports = await freePorts(2 * count);
  const peers = Array.from({ length: count }, (_, i) => `http://127.0.0.1:${ports[2 * i]}`);
  const endpoints = Array.from({ length: count }, (_, i) => `http://127.0.0.1:${ports[2 * i + 1]}`);
  const children = peers.map((_, i) => {
    const all = {
      name: `m${i}`,
      "initial-cluster": peers.map((peer, at) => `m${at}=${peer}`).join(","),
      "data-dir": join(directory, `m${i}`),
      "listen-client-urls": endpoints[i]!,
      units: "off",
      network: "off",
      ...flags,
    };
    const words = Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]);
    return spawn(process.execPath, [main, "run", ...words], { stdio: ["ignore", "ignore", "pipe"] });
  });
  const kill = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  };
  const close = async (): Promise<void> => {
    await Promise.all(children.map(kill));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await Promise.all(children.map(serving));
  } catch (error) {
    await close();
    throw error;
  }
  return { endpoints, kill: (member) => kill(children[member]!), close };
}

function serving(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-4000);
      if (log.includes("ready to serve client requests")) resolve();
    });
    child.once("exit", () => reject(new Error(`an agent did not start: ${log}`)));
  });
}
