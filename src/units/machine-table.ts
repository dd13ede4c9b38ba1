/**
 * The engine's knowledge of machines: their last reports, in memory only. A machine is *live*, *suspect* once it has
 * missed reports, and *gone* after its TTL. A machine that never reported to this engine, but that the registry names, is
 * suspect until a full TTL has passed since the engine began: an earlier engine may have confirmed it just before.
 */
import type { Instant } from "../base/ids.ts";
import { type MachineReport, reportPeriodMs } from "./report.ts";

export type Condition = "live" | "suspect" | "gone";

export interface KnownMachine {
  readonly report: MachineReport;
  readonly receivedAt: Instant;
  /** Units by name, for lookup. */
  readonly units: ReadonlyMap<string, MachineReport["units"][number]>;
}

/** Missing this many periods makes a machine suspect. */
const missedReportsMax = 3;

export class MachineTable {
  readonly #ttlMs: number;
  readonly #since: Instant;
  readonly #machines: Map<string, KnownMachine>;

  constructor(options: { ttlMs: number; since: Instant }, machines: Iterable<[string, KnownMachine]> = []) {
    this.#machines = new Map(machines);
    this.#ttlMs = options.ttlMs;
    this.#since = options.since;
  }

  /** The same knowledge for an engine that begins at `since`: no machine is gone before a full TTL from then. */
  since(since: Instant): MachineTable {
    return new MachineTable({ ttlMs: this.#ttlMs, since }, this.#machines);
  }

  /**
   * Whether the report comes from a second host with the id of one that is not gone. It must then not be taken. A new engine
   * may hear of the second host first: one that was refused before has to wait until the other would be gone.
   */
  isDuplicate(report: MachineReport, now: Instant): boolean {
    const { machine, incarnation, challenged } = report;
    const known = this.#machines.get(machine.id);
    if (known ? known.report.incarnation === incarnation : !challenged) return false;
    return this.conditionOf(machine.id, now) !== "gone";
  }

  /** Machines that reported and are not gone, in no order. */
  get machines(): ReadonlyMap<string, KnownMachine> {
    return this.#machines;
  }

  /** Takes a report. False: it says nothing that decisions depend on beyond "alive". */
  take(report: MachineReport, now: Instant): boolean {
    const { id } = report.machine;
    const old = this.#machines.get(id);
    const wasLive = old !== undefined && this.conditionOf(id, now) === "live";
    const units = new Map(report.units.map((unit) => [unit.name, unit]));
    this.#machines.set(id, { report, receivedAt: now, units });
    return !wasLive || !sameFacts(old.report, report);
  }

  conditionOf(machine: string, now: Instant): Condition {
    const known = this.#machines.get(machine);
    if (!known) return now >= this.#since + this.#ttlMs ? "gone" : "suspect";
    const ttlMs = this.#ttlOf(known);
    if (now >= this.#goneAt(known)) return "gone";
    return now - known.receivedAt > reportPeriodMs(ttlMs) * missedReportsMax ? "suspect" : "live";
  }

  /** When the condition of any machine may change next by silence alone; null if never. */
  nextChange(now: Instant): Instant | null {
    let next = now < this.#since + this.#ttlMs ? this.#since + this.#ttlMs : Number.POSITIVE_INFINITY;
    for (const known of this.#machines.values()) {
      const ttlMs = this.#ttlOf(known);
      // One millisecond late, because a machine is suspect only beyond the limit.
      const suspectAt = known.receivedAt + reportPeriodMs(ttlMs) * missedReportsMax + 1;
      next = Math.min(next, now < suspectAt ? suspectAt : this.#goneAt(known));
    }
    return Number.isFinite(next) ? (Math.max(next, now) as Instant) : null;
  }

  /** Forgets machines that are gone. A machine without a report is gone after the first TTL anyway. */
  prune(now: Instant): string[] {
    const gone = [...this.#machines.keys()].filter((id) => this.conditionOf(id, now) === "gone");
    for (const id of gone) this.#machines.delete(id);
    return gone;
  }

  #goneAt(known: KnownMachine): number {
    return Math.max(known.receivedAt, this.#since) + this.#ttlOf(known);
  }

  /** A machine may be configured with a longer TTL than this engine: then its own counts. */
  #ttlOf(known: KnownMachine): number {
    return Math.max(this.#ttlMs, known.report.ttlMs);
  }
}

function sameFacts(old: MachineReport, report: MachineReport): boolean {
  if (old.revision !== report.revision || old.units.length !== report.units.length) return false;
  if (JSON.stringify(old.machine) !== JSON.stringify(report.machine)) return false;
  return JSON.stringify(old.units) === JSON.stringify(report.units);
}
