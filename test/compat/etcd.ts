/**
 * Debian's etcd as the oracle: started on loopback with free ports and a directory of its own, stopped and removed by
 * `stop`. Where it is not installed, `etcdMissing` says so and the tests skip with that reason.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const etcdPath = "/usr/bin/etcd";
const etcdctlPath = "/usr/bin/etcdctl";

/** Why tests against the oracle have to be skipped, or false. */
export const etcdMissing = missing(etcdPath);
export const etcdctlMissing = missing(etcdctlPath);

function missing(path: string): string | false {
  try {
    accessSync(path, constants.X_OK);
    return false;
  } catch {
    return `${path} is not installed`;
  }
}

/** What compat tests are run against: etcd itself, our front, or a whole agent. */
export interface Target {
  /** `host:port` of the client port. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no address");
  return address.port;
}

/** Starts a single-member etcd; resolves when it serves. `port` and `directory` let a stopped one come back. */
export async function startEtcd(
  options: { port?: number; directory?: string; keep?: boolean } = {},
): Promise<Target & { readonly directory: string }> {
  const port = options.port ?? (await freePort());
  const peerPort = await freePort();
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), "argosy-etcd-"));
  const client = `http://127.0.0.1:${port}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  const flags = {
    name: "oracle",
    "data-dir": directory,
    "listen-client-urls": client,
    "advertise-client-urls": client,
    "listen-peer-urls": peer,
    "initial-advertise-peer-urls": peer,
    "initial-cluster": `oracle=${peer}`,
    "heartbeat-interval": "100",
    "election-timeout": "1000",
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(etcdPath, args, { stdio: ["ignore", "ignore", "pipe"] });
  await serving(child);
  child.stderr!.resume();
  return {
    endpoint: `127.0.0.1:${port}`,
    directory,
    async stop() {
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await exited;
      if (!options.keep) rmSync(directory, { recursive: true, force: true });
    },
  };
}

function serving(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = "";
    child.stderr!.on("data", function read(chunk: Buffer) {
      log += chunk.toString("utf8");
      if (!/ready to serve client requests|serving insecure client requests/.test(log)) return;
      child.stderr!.removeListener("data", read);
      resolve();
    });
    child.once("exit", () => reject(new Error(`etcd did not start: ${log.slice(-500)}`)));
  });
}
