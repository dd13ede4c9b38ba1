/**
 * The shell of the engine on the agent that leads: claims the engine in the store, takes reports, decides whenever
 * something changed, carries decisions out one round after the other. Ends with the leadership.
 *
 * Confirming a report is a promise not to give the machine's units away before its fence has fired; a leader that was
 * deposed without noticing must not make it. So after a report has arrived the claim is read from the store, by a
 * linearizable read, shared by all reports that wait: if it still stands, no newer engine had begun when the report came in.
 */
import { prefixEnd, utf8 } from "../../base/bytes.ts";
import { messageOf } from "../../base/errors.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock, Logger, Timer } from "../../base/ports.ts";
import type { KvClient } from "../../store/kv.ts";
import { type Decision, decide } from "../../units/engine.ts";
import { MachineTable } from "../../units/machine-table.ts";
import { registryKeys, registryPrefix } from "../../units/registry.ts";
import { assignUnit, claimEngine, settleRelease, unassignUnit } from "../../units/registry-writes.ts";
import { duplicateIdAdvice, type MachineReport, type ReportAnswer } from "../../units/report.ts";
import type { ClusterState } from "../../units/service.ts";
import type { RegistryView } from "./registry-view.ts";

export interface EngineLoopOptions {
  readonly machineId: string;
  readonly ttlMs: number;
}

export interface EngineLoopModules {
  readonly kv: KvClient;
  readonly view: RegistryView;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Wait after a round in which the store refused or failed. */
const retryMs = 200;
/** Transactions under way at once. */
const writesPendingMax = 256;

export class EngineLoop {
  readonly #options: EngineLoopOptions;
  readonly #modules: EngineLoopModules;
  readonly #abort = new AbortController();
  #claim = 0;
  #table: MachineTable | null = null;
  #waiting: ReadonlyMap<string, string> = new Map();
  /** Per machine id, the incarnation that was refused last: each is logged once. */
  readonly #duplicates = new Map<string, string>();
  #barrier: Promise<boolean> | null = null;
  #nextBarrier: Promise<boolean> | null = null;
  #busy = false;
  #claiming = false;
  #dirty = false;
  #timer: Timer | null = null;

  constructor(options: EngineLoopOptions, modules: EngineLoopModules) {
    this.#options = options;
    this.#modules = modules;
    void this.#begin();
  }

  close(): void {
    this.#abort.abort();
    this.#timer?.cancel();
  }

  /** Another agent has claimed the engine since; this one decides and confirms nothing any more. */
  get superseded(): boolean {
    const engine = this.#modules.view.registry.engine;
    return !this.#claiming && this.#table !== null && engine !== null && engine.revision > this.#claim;
  }

  /** The registry changed. */
  changed(): void {
    this.#dirty = true;
    if (!this.#busy) void this.#rounds();
  }

  async report(report: MachineReport): Promise<ReportAnswer> {
    const refused = { confirmed: false, reason: "not-leader", revision: 0 } as const;
    const table = this.#table;
    if (!table || this.#abort.signal.aborted) return refused;
    const { clock, logger, view } = this.#modules;
    const { id } = report.machine;
    if (table.isDuplicate(report, clock.now())) return this.#refuseDuplicate(report);
    if (!table.machines.has(id)) logger.info({ machine: id }, "machine reports");
    if (table.take(report, clock.now())) this.changed();
    if (!(await this.#stillClaimed())) return refused;
    // Read at the last moment: a release that became known meanwhile counts.
    const required = Math.max(this.#claim, view.registry.lastReleaseFrom(id));
    if (report.revision < required) return { confirmed: false, reason: "behind", revision: required };
    return { confirmed: true };
  }

  #refuseDuplicate({ machine, incarnation }: MachineReport): ReportAnswer {
    if (this.#duplicates.get(machine.id) !== incarnation) {
      this.#duplicates.set(machine.id, incarnation);
      const { name, primaryIp } = machine;
      this.#modules.logger.error({ machine: machine.id, name, primaryIp }, duplicateIdAdvice);
    }
    return { confirmed: false, reason: "duplicate-id", revision: 0 };
  }

  state(): ClusterState | null {
    const table = this.#table;
    if (!table || this.#abort.signal.aborted || this.superseded) return null;
    const now = this.#modules.clock.now();
    const known = [...table.machines.values()].sort((a, b) =>
      a.report.machine.id < b.report.machine.id ? -1 : 1,
    );
    const present = known.filter(({ report }) => table.conditionOf(report.machine.id, now) !== "gone");
    return {
      engine: this.#options.machineId,
      machines: present.map(({ report, receivedAt }) => ({
        ...report.machine,
        condition: table.conditionOf(report.machine.id, now),
        lastReportMs: Math.round(now - receivedAt),
      })),
      states: present
        .flatMap(({ report }) => report.units.map((unit) => ({ ...unit, machineId: report.machine.id })))
        .sort((a, b) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1)),
      waiting: [...this.#waiting].map(([unit, reason]) => ({ unit, reason })),
    };
  }

  async #begin(): Promise<void> {
    const { clock, logger } = this.#modules;
    const signal = this.#abort.signal;
    try {
      this.#claim = (await this.#isUnused()) ? 0 : await this.#claimNow();
      if (signal.aborted) return;
      this.#table = new MachineTable({ ttlMs: this.#options.ttlMs, since: clock.now() });
      logger.info({ revision: this.#claim }, "unit engine begins");
      this.changed();
    } catch (error) {
      if (signal.aborted) return;
      logger.warn({ problem: messageOf(error) }, "unit engine could not be claimed, trying again");
      this.#timer = clock.at(Instant(clock.now() + retryMs), () => void this.#begin());
    }
  }

  /**
   * While there has never been a unit, nothing is written: a store that nobody used is at revision 1, as etcd's is. The
   * engine then stands on revision 0 of its key, "nobody has claimed", which is checked like any other claim.
   */
  async #isUnused(): Promise<boolean> {
    const key = utf8.encode(registryPrefix);
    const request = { key, range_end: prefixEnd(key), limit: 1, keys_only: true };
    const answer = await this.#modules.kv.range(request, { signal: this.#abort.signal });
    return answer.kvs.length === 0;
  }

  async #claimNow(): Promise<number> {
    const { kv, view } = this.#modules;
    const answer = await kv.txn(claimEngine(this.#options.machineId), { signal: this.#abort.signal });
    await view.reached(answer.header!.revision);
    return answer.header!.revision;
  }

  /**
   * Whether the claim has to be written again before anything is decided: because nobody has written one yet and now there is
   * a unit, or because this copy of the registry was listed anew. Releases may have come and gone unseen before that, and
   * only a revision of the registry that is later than the list can be asked of every machine.
   */
  #claimIsStale(): boolean {
    const { registry } = this.#modules.view;
    return this.#claim === 0 ? registry.units.size > 0 : registry.resetRevision > this.#claim;
  }

  /**
   * Claims again, provided that the former claim still stands. What machines have reported stays: facts do not age. What was
   * confirmed before counts for nothing: a second engine may have stood on revision 0 too, so every machine gets a full TTL
   * from now before it is called gone, and is confirmed only when it has seen the new claim.
   */
  async #claimAgain(table: MachineTable): Promise<void> {
    const { kv, view, clock, logger } = this.#modules;
    const { signal } = this.#abort;
    this.#claiming = true;
    try {
      const answer = await kv.txn(claimEngine(this.#options.machineId, this.#claim), { signal });
      if (answer.succeeded) {
        await view.reached(answer.header!.revision);
        if (signal.aborted) return;
        this.#claim = answer.header!.revision;
        this.#table = table.since(clock.now());
        logger.info({ revision: this.#claim }, "unit engine claims the registry");
      } else this.#table = null;
    } catch (error) {
      if (signal.aborted) return;
      // Whether the claim was written is not known, so nothing of the former one is left to stand on.
      logger.warn({ problem: messageOf(error) }, "unit engine could not be claimed, trying again");
      this.#table = null;
    } finally {
      this.#claiming = false;
    }
    if (this.#table) this.changed();
    else this.#timer = clock.at(Instant(clock.now() + retryMs), () => void this.#begin());
  }

  /** Rounds until nothing is left to do. Never two at once: each sees the outcome of the one before. */
  async #rounds(): Promise<void> {
    const { clock, view } = this.#modules;
    const table = this.#table;
    if (!table || this.#claiming) return;
    this.#timer?.cancel();
    if (this.#claimIsStale()) {
      await this.#claimAgain(table);
      return;
    }
    this.#busy = true;
    try {
      while (this.#dirty && !this.#abort.signal.aborted && !this.#claimIsStale()) {
        this.#dirty = false;
        for (const machine of table.prune(clock.now()))
          this.#modules.logger.warn({ machine }, "machine is gone");
        const { decisions, waiting } = decide({ registry: view.registry, table, now: clock.now() });
        this.#waiting = waiting;
        if (!(await this.#carryOut(decisions))) {
          this.#wakeAt(Instant(clock.now() + retryMs));
          return;
        }
      }
      const next = table.nextChange(clock.now());
      if (next !== null) this.#wakeAt(next);
    } finally {
      this.#busy = false;
    }
    if (this.#claimIsStale()) this.changed();
  }

  #wakeAt(at: Instant): void {
    if (this.#abort.signal.aborted) return;
    this.#timer = this.#modules.clock.at(at, () => this.changed());
  }

  /** Whether everything was written. What was written is in the registry view afterwards. */
  async #carryOut(decisions: readonly Decision[]): Promise<boolean> {
    let complete = true;
    for (let start = 0; start < decisions.length; start += writesPendingMax) {
      const batch = decisions.slice(start, start + writesPendingMax);
      const revisions = await Promise.all(batch.map((decision) => this.#write(decision)));
      if (revisions.includes(null)) complete = false;
      const last = Math.max(0, ...revisions.map((revision) => revision ?? 0));
      const seen = this.#modules.view.reached(last).then(
        () => true,
        () => false,
      );
      if (!(await seen)) complete = false;
    }
    return complete;
  }

  /** The revision of the write, or null if it did not happen or nobody knows. */
  async #write(decision: Decision): Promise<number | null> {
    const { kv, logger } = this.#modules;
    const { type, unit, machine, reason } = decision;
    const build = type === "assign" ? assignUnit : type === "unassign" ? unassignUnit : settleRelease;
    try {
      const answer = await kv.txn(build(unit, machine, this.#claim), { signal: this.#abort.signal });
      if (!answer.succeeded) return null;
      logger.info({ decision: type, unit, machine, reason }, "unit decision");
      return answer.header!.revision;
    } catch (error) {
      if (!this.#abort.signal.aborted) {
        logger.warn(
          { decision: type, unit, machine, problem: messageOf(error) },
          "unit decision not written",
        );
      }
      return null;
    }
  }

  /** One read at a time; a report that comes in during a read needs the next one. */
  #stillClaimed(): Promise<boolean> {
    const after = this.#barrier;
    if (after) {
      this.#nextBarrier ??= after.then(() => {
        this.#nextBarrier = null;
        return this.#readClaim();
      });
      return this.#nextBarrier;
    }
    return this.#readClaim();
  }

  #readClaim(): Promise<boolean> {
    const { kv } = this.#modules;
    const key = utf8.encode(registryKeys.engineLeader());
    const read = kv
      .range({ key, keys_only: true }, { signal: this.#abort.signal })
      .then((answer) => (answer.kvs[0]?.mod_revision ?? 0) === this.#claim && !this.#abort.signal.aborted)
      .catch(() => false)
      .finally(() => {
        if (this.#barrier === read) this.#barrier = null;
      });
    this.#barrier = read;
    return read;
  }
}
