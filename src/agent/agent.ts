/**
 * One agent: the list of what it is made of, in the order in which it starts. Above the ruled line nothing on the machine
 * is touched. Closing runs in reverse through the scope; a start that fails closes what it had opened.
 */
import { AssertionFailure } from "../base/assert.ts";
import { AgentError, messageOf } from "../base/errors.ts";
import type { Instant } from "../base/ids.ts";
import type { Clock, Logger, Random } from "../base/ports.ts";
import { Scope } from "../base/scope.ts";
import { SystemRandom, systemClock } from "../host/clock.ts";
import { RemoteKv } from "../host/kv-remote/remote-kv.ts";
import { createLogger } from "../host/logger.ts";
import { assertListenable } from "../host/port-probe.ts";
import { releaseStartupPages } from "../host/startup-pages.ts";
import type { AdminClient } from "../store/admin.ts";
import type { KvClient } from "../store/kv.ts";
import { openApi } from "./api.ts";
import type { AgentConfig } from "./config.ts";
import { machineIdOf } from "./identity.ts";
import { KvElection } from "./kv-election.ts";
import { MemberLeaderLocator, RemoteLeaderLocator } from "./leader-locator.ts";
import { openMonitors, opsOf } from "./maintenance/ops.ts";
import { MetricsOfAgent } from "./metrics.ts";
import type { NetworkModule } from "./network/module.ts";
import { absentNetwork, openNetwork } from "./network/open.ts";
import { openServer, type Server } from "./server.ts";
import { StatusGatherer } from "./status.ts";
import type { LeaderLocator } from "./units/ports.ts";
import { openUnits, type UnitsOfAgent } from "./units-of-agent.ts";

/** A running agent. */
export interface Agent {
  readonly kv: KvClient;
  readonly server: Server | null;
  /** Where clients are served, with the ports that were really taken. */
  readonly clientAddresses: readonly { host: string; port: number }[];
  close(): Promise<void>;
}

export interface AgentModules {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The agent cannot go on; called at most once. The owner closes it and exits. */
  readonly fatal: (error: unknown) => void;
  /** This server was removed from its cluster for good. The owner closes the agent and exits. */
  readonly removed?: () => void;
}

/** A request of the store, from here to the answer, at most (etcd.md 11: 5 s and two election timeouts). */
const requestTimeoutMs = 7000;
/** When what only the start needed is given back. */
const settledAfterMs = 3000;
/** Clients' requests under way are given this long when the agent stops. */
const drainMs = 2000;

/** Starts an agent. Throws AgentError, and leaves nothing open then. */
export async function startAgent(config: AgentConfig, modules: AgentModules): Promise<Agent> {
  await assertPortsFree(config);
  // ---------------------------------------------------------------- from here on the machine is touched
  const scope = new Scope();
  try {
    return await openAgent(config, modules, scope);
  } catch (error) {
    await scope.close().catch((closing) => {
      modules.logger.warn({ error: messageOf(closing) }, "a failed start left something open");
    });
    throw error;
  }
}

async function openAgent(config: AgentConfig, modules: AgentModules, scope: Scope): Promise<Agent> {
  const { clock, logger } = modules;
  const metrics = new MetricsOfAgent({ scope, clock });
  const { kv, admin, server } = await openStore(config, modules, scope, metrics);
  const machineId = machineIdOf(config.dataDir);
  const leader = openLeaderLocator(config, machineId, { kv, server }, modules, scope);

  let units: UnitsOfAgent | null = null;
  let network: NetworkModule | null = null;
  const status = new StatusGatherer(
    { name: config.name, role: config.role },
    { kv, server, units: () => units, network: () => network },
  );
  const pass = (): string | undefined => server?.httpAuthority.agentPass();
  units = await openUnits(config, { machineId }, { kv, leader, pass, scope, clock, logger });
  const api = await openApi(config, { kv, admin, server, status, units, metrics, clock, logger });
  scope.defer(() => api.close(drainMs));
  scope.defer(await openMonitors(config.metrics.listen, opsOf({ kv, server, metrics, clock })));
  await units.start();
  network = await openNetworkOf(config, machineId, kv, modules, scope);
  logger.info({ name: config.name, role: config.role, client: api.addresses }, "agent started");
  return { kv, server, clientAddresses: api.addresses, close: () => scope.close() };
}

async function openStore(
  config: AgentConfig,
  modules: AgentModules,
  scope: Scope,
  metrics: MetricsOfAgent,
): Promise<{ kv: KvClient; admin: AdminClient; server: Server | null }> {
  const { store } = config;
  if (store.type === "member") {
    const server = await openServer(
      {
        ...store.server,
        name: config.name,
        trace: config.log.level === "debug",
        advertiseClientUrls: config.advertiseClientUrls,
      },
      { ...modules, scope, meters: metrics.serverMeters() },
    );
    metrics.observe(server);
    return { kv: server.kv, admin: server.admin, server };
  }
  const kv = new RemoteKv({ endpoints: store.endpoints, requestTimeoutMs }, modules);
  scope.defer(() => kv.close());
  void kv.status({}, { signal: scope.signal }).catch((error) => {
    if (scope.signal.aborted) return;
    const fields = { endpoints: store.endpoints, error: messageOf(error) };
    modules.logger.warn(fields, "the store does not answer; this agent waits for it");
  });
  return { kv, admin: kv, server: null };
}

function openLeaderLocator(
  config: AgentConfig,
  machineId: string,
  store: { kv: KvClient; server: Server | null },
  modules: AgentModules,
  scope: Scope,
): LeaderLocator {
  const { kv, server } = store;
  if (server) return new MemberLeaderLocator(server);
  if (config.store.type === "servers") return new RemoteLeaderLocator({ kv, clock: modules.clock });
  const election = new KvElection(
    { self: { machineId, url: config.advertiseClientUrls[0]! } },
    { kv, ...modules },
  );
  election.start();
  scope.defer(() => election.close());
  return election;
}

async function openNetworkOf(
  config: AgentConfig,
  machineId: string,
  kv: KvClient,
  modules: AgentModules,
  scope: Scope,
): Promise<NetworkModule> {
  const { mode, ...options } = config.network;
  if (mode === "off") return absentNetwork(null);
  const logger = modules.logger.child({ module: "network" });
  const network = await openNetwork({ ...options, machineId }, { ...modules, kv, logger });
  scope.defer(() => network.close());
  return network;
}

async function assertPortsFree(config: AgentConfig): Promise<void> {
  const peer = config.store.type === "member" ? config.store.server.listenPeer : [];
  for (const address of [...peer, ...config.listenClient, ...config.metrics.listen])
    await assertListenable(address.flag, address);
}

/** Runs an agent until a signal or a failure ends it; the exit code. Throws AgentError if it cannot start. */
export async function runAgent(config: AgentConfig): Promise<number> {
  const logger = createLogger(config.log);
  const ended = Promise.withResolvers<number>();
  const fatal = (error: unknown): void => {
    const bug = error instanceof AssertionFailure || !(error instanceof AgentError);
    const detail =
      bug && error instanceof Error ? { error: messageOf(error), stack: error.stack } : { error };
    logger.error(detail, "the agent cannot go on");
    ended.resolve(bug ? 70 : 1);
  };
  process.on("uncaughtException", fatal);
  process.on("unhandledRejection", fatal);
  const removed = (): void => ended.resolve(0);
  const agent = await startAgent(config, {
    clock: systemClock,
    random: new SystemRandom(),
    logger,
    fatal,
    removed,
  });
  systemClock.at((systemClock.now() + settledAfterMs) as Instant, () => void releaseStartupPages());
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      logger.info({ signal }, "stopping");
      ended.resolve(0);
    });
  }
  const code = await ended.promise;
  if (code !== 0) return code;
  await agent.close();
  return 0;
}
