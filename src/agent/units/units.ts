/**
 * The units module of one agent: the copy of the registry, the machine reconciler where there is a driver, the engine
 * while this agent leads, and the service that the API fronts use. Starts and stops as one.
 */
import { messageOf } from "../../base/errors.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock, Logger, Timer } from "../../base/ports.ts";
import type { KvClient } from "../../store/kv.ts";
import type { UnitDriver } from "../../units/driver.ts";
import { UnitsError } from "../../units/errors.ts";
import { type MachineReport, type ReportAnswer, reportPeriodMs } from "../../units/report.ts";
import type {
  ClusterState,
  MachineView,
  UnitChange,
  UnitStateView,
  UnitsService,
  UnitView,
} from "../../units/service.ts";
import type { UnitOption } from "../../units/unit-file.ts";
import { EngineLoop } from "./engine-loop.ts";
import { MachineLoop } from "./machine-loop.ts";
import type { LeaderLocator, PeerHttp } from "./ports.ts";
import { RegistryView } from "./registry-view.ts";
import { UnitStore } from "./unit-store.ts";
import { listUnits, viewOfUnit } from "./unit-view.ts";

export interface UnitsOptions {
  readonly machineId: string;
  /** Random, made once per boot and data directory: tells two hosts with one machine id apart. */
  readonly incarnation: string;
  readonly name: string;
  readonly primaryIp: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Same on all agents of a cluster. */
  readonly agentTtlMs: number;
  /** Whether this agent may run the engine when it leads. */
  readonly engine: boolean;
}

export interface UnitsModules {
  readonly kv: KvClient;
  /** Null where units cannot be run: the agent then only answers questions. Closed with the module. */
  readonly driver: UnitDriver | null;
  /** Opens the driver again after it was lost (a service manager that re-executes itself); null if that failed. */
  readonly reopenDriver?: () => Promise<UnitDriver | null>;
  readonly leader: LeaderLocator;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly http: PeerHttp;
}

/** How often the leader is looked for. */
const leaderLookMs = 250;
/** Time between attempts to open a lost driver again. */
const reopenMs = 500;

/** Starts the module. Rejects if the driver cannot say what runs on this host; then everything is closed again. */
export async function startUnits(options: UnitsOptions, modules: UnitsModules): Promise<UnitsModule> {
  const units = new UnitsModule(options, modules);
  try {
    await units.start();
    return units;
  } catch (error) {
    await units.close();
    throw error;
  }
}

export class UnitsModule implements UnitsService {
  readonly #options: UnitsOptions;
  readonly #modules: UnitsModules;
  readonly #view: RegistryView;
  readonly #store: UnitStore;
  #driver: UnitDriver | null;
  #machine: MachineLoop | null = null;
  #engine: EngineLoop | null = null;
  #leading = false;
  #timer: Timer | null = null;
  #reopenTimer: Timer | null = null;
  #closed = false;

  constructor(options: UnitsOptions, modules: UnitsModules) {
    this.#options = options;
    this.#modules = modules;
    const { kv, clock, logger } = modules;
    this.#driver = modules.driver;
    this.#view = new RegistryView({ kv, clock, logger });
    this.#store = new UnitStore({ kv });
  }

  async start(): Promise<void> {
    this.#view.onChange(() => {
      this.#engine?.changed();
      this.#machine?.registryChanged();
    });
    await this.#lookForLeader();
    if (this.#driver) await this.#startMachine(this.#driver);
  }

  /** Units go on running; the fence will stop them if no agent comes back in time. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#reopenTimer?.cancel();
    this.#machine?.close();
    this.#engine?.close();
    this.#view.close();
    await this.#driver?.close();
  }

  async units(): Promise<UnitView[]> {
    await this.#view.reached(Math.max(1, this.#written));
    return listUnits(this.#view.registry, await this.#statesOrNone());
  }

  async unit(name: string): Promise<UnitView | null> {
    const stored = await this.#store.read(name);
    return stored && viewOfUnit(name, stored, await this.#statesOrNone());
  }

  async machines(): Promise<readonly MachineView[]> {
    return (await this.clusterState()).machines;
  }

  async states(): Promise<readonly UnitStateView[]> {
    return (await this.clusterState()).states;
  }

  async clusterState(): Promise<ClusterState> {
    const own = this.ownClusterState();
    if (own) return own;
    const url = await this.#leaderUrl();
    return (await this.#ask(url, "GET", "/argosy/v1/cluster-state")) as ClusterState;
  }

  ownClusterState(): ClusterState | null {
    return this.#engine?.state() ?? null;
  }

  async putUnit(
    name: string,
    options: readonly UnitOption[],
    desired: string | undefined,
  ): Promise<UnitChange> {
    return this.#wrote(await this.#store.put(name, options, desired));
  }

  async deleteUnit(name: string): Promise<UnitChange> {
    return this.#wrote(await this.#store.delete(name));
  }

  async report(report: MachineReport): Promise<ReportAnswer> {
    const refused = { confirmed: false, reason: "not-leader", revision: 0 } as const;
    return this.#engine ? this.#engine.report(report) : refused;
  }

  /** The last revision written through this agent: its own lists show it. */
  #written = 0;

  #wrote(result: { change: UnitChange; revision: number }): UnitChange {
    this.#written = Math.max(this.#written, result.revision);
    return result.change;
  }

  async #lookForLeader(): Promise<void> {
    const leader = await this.#modules.leader.leader().catch(() => null);
    if (this.#closed) return;
    const { kv, clock, logger } = this.#modules;
    const leads = this.#options.engine && leader?.self === true;
    // Leadership may have gone elsewhere and come back between two looks.
    if (leads !== this.#leading || this.#engine?.superseded) {
      this.#leading = leads;
      this.#engine?.close();
      const options = { machineId: this.#options.machineId, ttlMs: this.#options.agentTtlMs };
      this.#engine = leads ? new EngineLoop(options, { kv, clock, logger, view: this.#view }) : null;
    }
    this.#timer = clock.at(Instant(clock.now() + leaderLookMs), () => void this.#lookForLeader());
  }

  async #startMachine(driver: UnitDriver): Promise<void> {
    const { machineId: id, name, primaryIp, metadata, agentTtlMs: ttlMs, incarnation } = this.#options;
    const { clock, logger } = this.#modules;
    this.#driver = driver;
    const machine = new MachineLoop(
      { machine: { id, name, primaryIp, metadata }, ttlMs, incarnation },
      {
        driver,
        view: this.#view,
        clock,
        logger,
        send: (report) => this.#send(report),
        lost: () => this.#lostDriver(),
      },
    );
    // From here on a loss is noticed, also before all that runs is known.
    this.#machine = machine;
    await machine.start();
    machine.registryChanged();
  }

  /** Takes over a driver that was opened again. Whatever goes wrong, the driver does not stay open. */
  async #takeDriver(driver: UnitDriver | null): Promise<void> {
    if (!driver) throw new Error("no driver");
    if (this.#closed) await driver.close();
    else await this.#startMachine(driver);
  }

  /** What runs goes on running; a new driver adopts it, if it is there before the fence fires. */
  #lostDriver(): void {
    this.#machine?.close();
    this.#machine = null;
    void this.#driver?.close();
    this.#driver = null;
    const { reopenDriver, clock, logger } = this.#modules;
    if (this.#closed || !reopenDriver) return;
    // A driver that is lost while it is taken over is told of twice; it is opened again once.
    this.#reopenTimer?.cancel();
    this.#reopenTimer = clock.at(Instant(clock.now() + reopenMs), () => {
      if (this.#closed) return;
      reopenDriver()
        .then((driver) => this.#takeDriver(driver))
        .catch((error: unknown) => {
          logger.warn({ problem: messageOf(error) }, "service manager is not back yet");
          this.#lostDriver();
        });
    });
  }

  async #send(report: MachineReport): Promise<ReportAnswer> {
    if (this.#engine) return this.#engine.report(report);
    const url = await this.#leaderUrl();
    const path = `/argosy/v1/machines/${encodeURIComponent(report.machine.id)}/report`;
    return (await this.#ask(url, "POST", path, report)) as ReportAnswer;
  }

  async #leaderUrl(): Promise<string> {
    const leader = await this.#modules.leader.leader();
    if (leader && !leader.self) return leader.url;
    throw new UnitsError("no unit engine is known", { code: "units.no-leader" });
  }

  async #ask(url: string, method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> {
    // A report that takes longer than two periods is better replaced by a fresh one.
    const timeoutMs = Math.max(200, reportPeriodMs(this.#options.agentTtlMs) * 2);
    const request = { method, timeoutMs, ...(body === undefined ? {} : { body }) };
    try {
      return await this.#modules.http.request(`${url.replace(/\/$/, "")}${path}`, request);
    } catch (cause) {
      const problem = `the unit engine at ${url} does not answer: ${messageOf(cause)}`;
      throw new UnitsError(problem, { code: "units.no-leader" }, { cause });
    }
  }

  /** Units are listed without a leader too: then none of them has a known state. */
  async #statesOrNone(): Promise<readonly UnitStateView[]> {
    try {
      return await this.states();
    } catch {
      return [];
    }
  }
}
