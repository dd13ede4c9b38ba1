/**
 * Whole agents inside the test's own process: real log, real level, real sockets on loopback. No units, no network. They
 * can be stopped in good order and started again on the same directories and ports.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Agent, startAgent } from "../../src/agent/agent.ts";
import { parseConfig, type RunFlags } from "../../src/agent/config.ts";
import type { Logger } from "../../src/base/ports.ts";
import { SystemRandom, systemClock } from "../../src/host/clock.ts";

export interface TestAgent {
  readonly name: string;
  /** host:port for clients. */
  readonly endpoint: string;
  readonly peerUrl: string;
  readonly dataDir: string;
  /** Messages of what it has logged at info and above, in order. */
  readonly said: readonly string[];
  /** The running agent; throws while it is stopped. */
  readonly agent: Agent;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface TestCluster {
  readonly agents: readonly TestAgent[];
  /** A further agent that is to join, with ports of its own; not started. It must be let in first (MemberAdd). */
  newcomer(name: string): Promise<TestAgent>;
  /** Stops all and removes their directories. */
  close(): Promise<void>;
}

/** Ports that were free a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer();
      return new Promise<typeof server>((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Starts `count` servers of one cluster and waits until each has told the others who it is. */
export async function startCluster(count: number, flags: RunFlags = {}): Promise<TestCluster> {
  const directory = await mkdtemp(join(tmpdir(), "argosy-agents-"));
  const ports = await freePorts(2 * count);
  const names = Array.from({ length: count }, (_, i) => `m${i + 1}`);
  const initial = names.map((name, i) => `${name}=http://127.0.0.1:${ports[2 * i]}`).join(",");
  const agents = names.map((name, i) =>
    testAgent(name, ports[2 * i + 1]!, {
      name,
      "initial-cluster": initial,
      "data-dir": join(directory, name),
      "listen-client-urls": `http://127.0.0.1:${ports[2 * i + 1]}`,
      units: "off",
      network: "off",
      ...flags,
    }),
  );
  await Promise.all(agents.map((agent) => agent.start()));
  await Promise.all(agents.map(({ agent }) => agent.server?.published));
  const known = names.map((name, i) => `${name}=http://127.0.0.1:${ports[2 * i]}`);
  return {
    agents,
    async newcomer(name) {
      const [peerPort, clientPort] = (await freePorts(2)) as [number, number];
      known.push(`${name}=http://127.0.0.1:${peerPort}`);
      const agent = testAgent(name, clientPort, {
        name,
        "initial-cluster": known.join(","),
        "initial-cluster-state": "existing",
        "data-dir": join(directory, name),
        "listen-client-urls": `http://127.0.0.1:${clientPort}`,
        units: "off",
        network: "off",
        ...flags,
      });
      agents.push(agent);
      return agent;
    },
    async close() {
      await Promise.all(agents.map((agent) => agent.stop()));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function testAgent(name: string, port: number, flags: RunFlags): TestAgent {
  let running: Agent | null = null;
  const said: string[] = [];
  const listen = (_fields: object, message: string): void => void said.push(message);
  const logger: Logger = { debug() {}, info: listen, warn: listen, error: listen, child: () => logger };
  return {
    name,
    said,
    endpoint: `127.0.0.1:${port}`,
    peerUrl: peerUrlOf(name, flags),
    dataDir: flags["data-dir"]!,
    get agent() {
      if (!running) throw new Error(`${name} is stopped`);
      return running;
    },
    async start() {
      const fatal = (error: unknown): never => {
        throw error;
      };
      const modules = { clock: systemClock, random: new SystemRandom(), logger, fatal };
      running = await startAgent(parseConfig(flags), modules);
    },
    async stop() {
      const agent = running;
      running = null;
      await agent?.close();
    },
  };
}

/** What --initial-cluster says of it. */
function peerUrlOf(name: string, flags: RunFlags): string {
  const own = flags["initial-cluster"]!.split(",").find((part) => part.startsWith(`${name}=`));
  return own!.slice(name.length + 1);
}
