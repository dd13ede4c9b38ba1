/**
 * The units of this agent as its other parts see them: the module (agent/units), its HTTP fronts, and its share of the
 * status screen. An agent without a usable systemd, or with `--units off`, runs none but still answers for the cluster.
 */
import { isIPv4 } from "node:net";
import type { FastifyInstance } from "fastify";
import type { AgentStatus, MachineStatus, UnitStatus } from "../api/agent/status.ts";
import { unitsPeerApi } from "../api/fleet/peer.ts";
import { fleetApi } from "../api/fleet/plugin.ts";
import type { Clock, Logger } from "../base/ports.ts";
import type { Scope } from "../base/scope.ts";
import { primaryAddress } from "../host/primary-address.ts";
import { defaultUnitsDirectory, probeSystemd, type SystemdProbe } from "../host/systemd/probe.ts";
import type { KvClient } from "../store/kv.ts";
import type { UnitDriver } from "../units/driver.ts";
import { UnitsError } from "../units/errors.ts";
import type { ClusterState, UnitView } from "../units/service.ts";
import type { AgentConfig } from "./config.ts";
import { incarnationOf } from "./units/incarnation.ts";
import { NodePeerHttp } from "./units/peer-http.ts";
import type { LeaderLocator } from "./units/ports.ts";
import { UnitsModule } from "./units/units.ts";

/** What fleet clients are told: the last fleet (fleet.md, head). */
const fleetVersion = "1.0.0";

export interface UnitsOfAgent {
  /** Why this host runs no units, or null. */
  readonly problem: string | null;
  /** Adds the HTTP fronts. */
  routes(http: FastifyInstance): Promise<void>;
  /** Begins to report and to run units, and the engine where it leads; call it when the fronts are reachable. */
  start(): Promise<void>;
  /** Units are there without an engine too; then no machines are. Rejects with AgentError while the store does not answer. */
  status(): Promise<UnitsStatus>;
}

/** The units' share of the status screen; `problem` says why nothing is known of machines. */
export type UnitsStatus = Pick<AgentStatus, "machines" | "units"> & { readonly problem: string | null };

/** Probes systemd; nothing runs before `start`. The module is closed with the scope. */
export async function openUnits(
  config: AgentConfig,
  options: { machineId: string },
  modules: {
    kv: KvClient;
    leader: LeaderLocator;
    /** What this agent shows to the others, where it has something. */
    pass: () => string | undefined;
    scope: Scope;
    clock: Clock;
    logger: Logger;
  },
): Promise<UnitsOfAgent> {
  const { scope, clock } = modules;
  const logger = modules.logger.child({ module: "units" });
  const probe: SystemdProbe =
    config.units === "off"
      ? { driver: null, reason: "switched off by --units off" }
      : await probeSystemd({ unitsDirectory: defaultUnitsDirectory }, { clock });
  const problem = probe.driver === null && config.units !== "off" ? probe.reason : null;
  if (problem !== null) logger.warn({ problem }, "this host runs no units");
  const reopenDriver = async (): Promise<UnitDriver | null> =>
    (await probeSystemd({ unitsDirectory: defaultUnitsDirectory }, { clock })).driver;
  const http = new NodePeerHttp(modules);
  scope.defer(() => http.close());
  const units = new UnitsModule(
    {
      machineId: options.machineId,
      incarnation: incarnationOf(config.dataDir),
      name: config.name,
      primaryIp: addressOf(config),
      metadata: config.metadata,
      agentTtlMs: config.agentTtlMs,
      engine: true,
    },
    { ...modules, driver: probe.driver, reopenDriver, logger, http },
  );
  scope.defer(() => units.close());
  return {
    problem,
    async routes(app) {
      await app.register(fleetApi({ version: fleetVersion }, { units }));
      await app.register(unitsPeerApi({ units }));
    },
    start: () => units.start(),
    status: async () => statusOf(await units.units(), await stateOrNone(units)),
  };
}

type KnownState = Pick<ClusterState, "machines" | "states"> & { readonly problem: string | null };

async function stateOrNone(units: UnitsModule): Promise<KnownState> {
  try {
    return { ...(await units.clusterState()), problem: null };
  } catch (error) {
    if (!(error instanceof UnitsError) || error.code !== "units.no-leader") throw error;
    return { machines: [], states: [], problem: error.message };
  }
}

/** The address that other machines show for this one (fleet.md 1.3, primaryIP). */
function addressOf(config: AgentConfig): string {
  const advertised = new URL(config.advertiseClientUrls[0]!).hostname;
  return config.network.publicIp ?? (isIPv4(advertised) ? advertised : primaryAddress());
}

function statusOf(units: readonly UnitView[], cluster: KnownState): UnitsStatus {
  const assigned = (machine: string): number => units.filter((unit) => unit.machineId === machine).length;
  return {
    problem: cluster.problem,
    machines: cluster.machines.map(
      (machine): MachineStatus => ({
        id: machine.id,
        name: machine.name,
        ip: machine.primaryIp,
        metadata: machine.metadata,
        state: machine.condition,
        lastReportMs: machine.lastReportMs,
        units: assigned(machine.id),
      }),
    ),
    units: units.map((unit): UnitStatus => {
      const state = cluster.states.find((other) => other.name === unit.name);
      return {
        name: unit.name,
        desired: unit.desiredState,
        current: unit.currentState ?? "",
        machine: unit.machineId ?? "",
        active: state?.active ?? "",
        sub: state?.sub ?? "",
      };
    }),
  };
}
