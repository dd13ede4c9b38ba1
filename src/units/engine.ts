/**
 * The engine: from the registry and what the machines report to decisions, each with its reason (fleet.md 6). It runs on the
 * leader only and changes nothing; units/registry-writes turns decisions into transactions.
 *
 * That no unit runs twice rests on this file and three promises of others:
 * 1. A machine's fence stops its units before the engine calls it gone (units/report, driver).
 * 2. A machine that was gone is confirmed again only when it has acted on every release (agent/units/engine-loop).
 * 3. Removing a target leaves a release, in one transaction (units/registry-writes).
 * Here: a unit with a release is placed on another machine only when the one that had it has acted on the release and
 * no longer reports the unit, or is gone; and never while any other machine that is not gone reports it.
 */
import type { Instant } from "../base/ids.ts";
import type { MachineTable } from "./machine-table.ts";
import type { Registry, Release, Unit } from "./registry.ts";
import { inConflict, machineFits } from "./requirements.ts";

export type Decision =
  | { readonly type: "assign"; readonly unit: string; readonly machine: string; readonly reason: string }
  | { readonly type: "unassign"; readonly unit: string; readonly machine: string; readonly reason: string }
  /** The machine let go of a unit that was taken from it: the release may be forgotten. */
  | { readonly type: "settle"; readonly unit: string; readonly machine: string; readonly reason: string };

export interface EngineInput {
  readonly registry: Registry;
  readonly table: MachineTable;
  readonly now: Instant;
}

export interface EngineOutput {
  readonly decisions: readonly Decision[];
  /** Wanted units that have no machine, and why. */
  readonly waiting: ReadonlyMap<string, string>;
}

/** Decides everything that can be decided now. Deterministic: units in name order, machines by load, then by id. */
export function decide(input: EngineInput): EngineOutput {
  return new Round(input).run();
}

/** A machine during one round: a draft, in which placements of the round already count. */
interface Draft {
  readonly id: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly units: Map<string, Unit>;
  /** Those of them that have conflict patterns of their own: usually few. */
  readonly picky: Map<string, Unit>;
  load: number;
}

class Round {
  readonly #input: EngineInput;
  readonly #decisions: Decision[] = [];
  readonly #waiting = new Map<string, string>();
  readonly #drafts = new Map<string, Draft>();
  readonly #units: Unit[];

  constructor(input: EngineInput) {
    this.#input = input;
    this.#units = [...input.registry.units.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const [id, known] of input.table.machines) {
      if (input.table.conditionOf(id, input.now) === "gone") continue;
      this.#drafts.set(id, {
        id,
        metadata: known.report.machine.metadata,
        units: new Map(),
        picky: new Map(),
        load: 0,
      });
    }
    // Assigned units first: they outrank global ones, as on the machine (units/desired).
    for (const unit of this.#units) if (!unit.requirements.global) this.#enterAssigned(unit);
    for (const unit of this.#units) if (unit.requirements.global) this.#enterGlobal(unit);
  }

  run(): EngineOutput {
    const free: Unit[] = [];
    for (const unit of this.#units) {
      if (unit.requirements.global) continue;
      if (unit.target !== null) this.#review(unit, unit.target);
      else if (unit.desired !== "inactive") free.push(unit);
    }
    this.#place(free);
    this.#settleReleases();
    return { decisions: this.#decisions, waiting: this.#waiting };
  }

  #enterAssigned(unit: Unit): void {
    const draft = unit.target === null ? undefined : this.#drafts.get(unit.target);
    if (draft && unit.desired !== "inactive") this.#add(unit, draft);
  }

  #enterGlobal(unit: Unit): void {
    if (unit.desired === "inactive") return;
    for (const draft of this.#drafts.values()) {
      if (machineFits(unit.requirements, draft) && !conflicting(unit, draft)) this.#add(unit, draft);
    }
  }

  #add(unit: Unit, draft: Draft): void {
    draft.units.set(unit.name, unit);
    if (unit.requirements.conflicts.length > 0) draft.picky.set(unit.name, unit);
    draft.load++;
  }

  #remove(unit: Unit, draft: Draft): void {
    if (draft.units.delete(unit.name)) draft.load--;
    draft.picky.delete(unit.name);
  }

  #settleReleases(): void {
    const assigned = new Set(this.#decisions.filter((d) => d.type === "assign").map((d) => d.unit));
    const releases = [...this.#input.registry.releases].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [unit, release] of releases) {
      // Assigning a unit settles its release in the same transaction.
      if (assigned.has(unit)) continue;
      const state = this.#releaseState(unit, release);
      if (state.settled) {
        this.#decisions.push({ type: "settle", unit, machine: release.machine, reason: state.reason });
      }
    }
  }

  #releaseState(unit: string, release: Release): { settled: boolean; reason: string } {
    const { table, now } = this.#input;
    const { machine, revision } = release;
    if (table.conditionOf(machine, now) === "gone")
      return { settled: true, reason: `machine ${machine} is gone` };
    const known = table.machines.get(machine);
    if (!known) return { settled: false, reason: `machine ${machine}, which had it, has not reported yet` };
    if (known.report.revision < revision || known.units.has(unit)) {
      return { settled: false, reason: `machine ${machine} has not let go of it yet` };
    }
    return { settled: true, reason: `machine ${machine} let go of it` };
  }

  /** Whether an assigned unit may stay where it is. */
  #review(unit: Unit, machine: string): void {
    const reason = this.#reasonToLeave(unit, machine);
    if (reason === undefined) return;
    this.#decisions.push({ type: "unassign", unit: unit.name, machine, reason });
    const draft = this.#drafts.get(machine);
    if (draft) this.#remove(unit, draft);
    if (unit.desired !== "inactive") this.#waiting.set(unit.name, `leaves machine ${machine}: ${reason}`);
  }

  #reasonToLeave(unit: Unit, machine: string): string | undefined {
    if (unit.desired === "inactive") return "desired state is inactive";
    const { table, now } = this.#input;
    if (table.conditionOf(machine, now) === "gone") return `machine ${machine} is gone`;
    const draft = this.#drafts.get(machine);
    // A machine that has not reported to this engine yet gets the time to do so.
    return draft && this.#unableReason(unit, draft);
  }

  #place(free: readonly Unit[]): void {
    let pending = free;
    // Units may follow units that are placed in this round (MachineOf); each pass places one or ends the round.
    for (let placed = true; placed; ) {
      placed = false;
      const rest: Unit[] = [];
      for (const unit of pending) {
        if (this.#placeOne(unit)) placed = true;
        else rest.push(unit);
      }
      pending = rest;
    }
  }

  #placeOne(unit: Unit): boolean {
    const release = this.#input.registry.releases.get(unit.name);
    const state = release && this.#releaseState(unit.name, release);
    const reasons: string[] = [];
    for (const draft of this.#byLoad()) {
      const reason =
        this.#notLiveReason(draft) ??
        (state && !state.settled && release.machine !== draft.id ? state.reason : undefined) ??
        this.#heldElsewhere(unit.name, draft.id) ??
        this.#unableReason(unit, draft);
      if (reason !== undefined) {
        reasons.push(`${draft.id}: ${reason}`);
        continue;
      }
      this.#waiting.delete(unit.name);
      this.#add(unit, draft);
      this.#decisions.push({
        type: "assign",
        unit: unit.name,
        machine: draft.id,
        reason: `least loaded machine that can run it (${draft.load - 1} units)`,
      });
      return true;
    }
    this.#waiting.set(unit.name, reasons.length === 0 ? "no machine reports" : reasons.join("; "));
    return false;
  }

  #byLoad(): Draft[] {
    return [...this.#drafts.values()].sort((a, b) => a.load - b.load || (a.id < b.id ? -1 : 1));
  }

  #notLiveReason(draft: Draft): string | undefined {
    const condition = this.#input.table.conditionOf(draft.id, this.#input.now);
    return condition === "live" ? undefined : `is ${condition}`;
  }

  #heldElsewhere(unit: string, candidate: string): string | undefined {
    for (const id of this.#drafts.keys()) {
      if (id !== candidate && this.#input.table.machines.get(id)!.units.has(unit))
        return `machine ${id} still has it`;
    }
    return undefined;
  }

  /** Why the machine cannot run the unit (fleet.md 6.5); undefined if it can. */
  #unableReason(unit: Unit, draft: Draft): string | undefined {
    if (!machineFits(unit.requirements, draft)) return "MachineID or MachineMetadata does not match";
    const missing = unit.requirements.peers.find((peer) => !draft.units.has(peer));
    if (missing !== undefined) return `peer ${missing} is not there`;
    const other = conflicting(unit, draft);
    return other && `conflicts with ${other.name}`;
  }
}

/** A unit without patterns has to be held only against those that have some: else a round would be quadratic. */
function conflicting(unit: Unit, draft: Draft): Unit | undefined {
  const others = unit.requirements.conflicts.length > 0 ? draft.units : draft.picky;
  for (const other of others.values()) {
    if (inConflict(unit.name, unit.requirements, other.name, other.requirements)) return other;
  }
  return undefined;
}
