/** A server under measurement: dist/agent or Debian's etcd, on loopback, with an empty directory of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { get } from "node:http";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What is measured: how to start it. */
export interface Subject {
  readonly name: string;
  readonly command: string;
  flags(directory: string, clientUrl: string, peerUrl: string): string[];
}

export const argosy: Subject = {
  name: "argosy",
  command: join(root, "dist/agent"),
  // Units and network off: etcd has neither, and a bench must leave the host's systemd and routes alone.
  flags: (directory, clientUrl, peerUrl) => [
    "run",
    ...[
      "--name",
      "bench",
      "--data-dir",
      directory,
      "--units",
      "off",
      "--network",
      "off",
      "--log-level",
      "warn",
    ],
    ...["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
    ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
    ...["--initial-cluster", `bench=${peerUrl}`],
  ],
};

export const etcd: Subject = {
  name: "etcd",
  command: "/usr/bin/etcd",
  flags: (directory, clientUrl, peerUrl) => [
    ...["--name", "bench", "--data-dir", directory],
    ...["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
    ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
    ...["--initial-cluster", `bench=${peerUrl}`],
  ],
};

export function isPresent(subject: Subject): boolean {
  return existsSync(subject.command);
}

/** Memory of a process in MB: resident, and the part that no other process could share. */
export interface Memory {
  readonly residentMb: number;
  readonly privateMb: number;
}

/** For a start on a large database; an empty one takes a tenth of a second. */
const startMsMax = 60_000;

export class BenchServer implements AsyncDisposable {
  readonly endpoint: string;
  /** From just before the spawn to the first answered request. */
  readonly startMs: number;
  readonly #process: ChildProcess;
  readonly #subject: Subject;
  readonly #directory: string;
  readonly #ports: readonly number[];

  private constructor(
    options: { subject: Subject; directory: string; ports: readonly number[]; startMs: number },
    child: ChildProcess,
  ) {
    this.#process = child;
    this.#subject = options.subject;
    this.#directory = options.directory;
    this.#ports = options.ports;
    this.endpoint = `127.0.0.1:${options.ports[0]}`;
    this.startMs = options.startMs;
  }

  /** Starts the subject and waits for its first answer. Throws with its last words if it ends or takes over a minute. */
  static async start(subject: Subject): Promise<BenchServer> {
    // Beside the repository's own files, so that both subjects write to the same file system (and not to a tmpfs).
    const directory = await mkdtemp(join(root, "dist", "bench-"));
    return BenchServer.#run(subject, directory, await freePorts(2));
  }

  /** Ends it, in good order or with SIGKILL, and starts the subject again on the same directory and ports. */
  async restart(signal: "SIGTERM" | "SIGKILL"): Promise<BenchServer> {
    const exit = once(this.#process, "exit");
    this.#process.kill(signal);
    await exit;
    return BenchServer.#run(this.#subject, this.#directory, this.#ports);
  }

  static async #run(subject: Subject, directory: string, ports: readonly number[]): Promise<BenchServer> {
    const [clientPort, peerPort] = ports;
    const flags = subject.flags(directory, `http://127.0.0.1:${clientPort}`, `http://127.0.0.1:${peerPort}`);
    const start = performance.now();
    const child = spawn(subject.command, flags, { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
    let words = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      words = (words + text).slice(-2000);
    });
    child.on("error", (error) => {
      words += error.message;
    });
    while (!(await answers(Number(clientPort)))) {
      if (child.exitCode !== null || performance.now() - start > startMsMax) {
        child.kill("SIGKILL");
        await rm(directory, { recursive: true, force: true });
        throw new Error(`${subject.name} does not serve: ${words.trim()}`);
      }
      await delay(1);
    }
    const startMs = performance.now() - start;
    return new BenchServer({ subject, directory, ports, startMs }, child);
  }

  async memory(): Promise<Memory> {
    const text = await readFile(`/proc/${this.#process.pid}/smaps_rollup`, "utf8");
    const mb = (field: string) =>
      Number(new RegExp(`^${field}: +(\\d+) kB`, "m").exec(text)?.[1] ?? 0) / 1024;
    return { residentMb: mb("Rss"), privateMb: mb("Anonymous") };
  }

  /** Processor seconds used so far, user and system. */
  async cpuSeconds(): Promise<number> {
    const stat = await readFile(`/proc/${this.#process.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exit = once(this.#process, "exit");
      this.#process.kill("SIGKILL");
      await exit;
    }
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Whether the server says that it can serve: /health answers 200 only with a leader, in etcd and here. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(
      { host: "127.0.0.1", port, path: "/health", timeout: 1000, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    request.on("error", () => resolve(false));
    request.on("timeout", () => request.destroy());
  });
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Runs a script of this folder under this Node and returns what it prints as JSON. */
export async function runScript(name: string, args: readonly string[]): Promise<Record<string, unknown>> {
  const script = spawn(process.execPath, [join(root, "test/bench", name), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  script.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const [code] = await once(script, "close");
  if (code !== 0) throw new Error(`${name} ended with exit code ${code}`);
  return JSON.parse(output);
}
