/**
 * The machine reconciler: what this host is to hold (from the registry) against what it holds (from its driver) gives tasks
 * with reasons (fleet.md 7.1). One step takes one event and answers effects; the shell is agent/units/machine-loop.
 *
 * Each unit goes its own way, so one that fails delays nobody; at most one task per unit is under way:
 *
 *     wanted, absent            load                  not wanted, present       unload
 *     other content             unload, then load     loaded, wanted launched   start (while the fence is armed)
 *     launched, wanted loaded   stop
 */
import { assertNever } from "../base/assert.ts";
import { Instant } from "../base/ids.ts";
import type { FoundUnit } from "./driver.ts";
import type { Unit } from "./registry.ts";
import type { UnitReport } from "./report.ts";
import { type SystemdState, sameState, unknownState } from "./state.ts";

export type UnitTask = "load" | "start" | "stop" | "unload";

export type MachineEvent = {
  readonly now: Instant;
} /** What an earlier process left here; given once, first. Hashes are of the found texts. */ & (
  | { readonly type: "found"; readonly units: readonly (FoundUnit & { readonly hash: string })[] }
  /** What this machine is to hold, as of a revision of the registry. */
  | { readonly type: "wanted"; readonly units: ReadonlyMap<string, Unit>; readonly revision: number }
  | { readonly type: "state"; readonly unit: string; readonly state: SystemdState }
  | { readonly type: "done"; readonly unit: string; readonly task: UnitTask }
  | { readonly type: "failed"; readonly unit: string; readonly task: UnitTask }
  /** The engine confirmed a report: units may run until then. */
  | { readonly type: "confirmed"; readonly until: Instant }
  | { readonly type: "armed"; readonly until: Instant }
  | { readonly type: "arm-failed" }
  | { readonly type: "fenced" }
  | { readonly type: "wake" }
);

export type MachineEffect =
  | {
      readonly type: "task";
      readonly task: UnitTask;
      readonly unit: string;
      readonly text: string;
      readonly reason: string;
    }
  | { readonly type: "arm"; readonly until: Instant }
  /** What a report would say has changed. */
  | { readonly type: "report" }
  /** Wake this core then; replaces the former one. */
  | { readonly type: "wake"; readonly at: Instant };

interface Held {
  hash: string;
  loaded: boolean;
  launched: boolean;
  busy: UnitTask | null;
  /** The fence fired while a start was under way: its success means nothing. */
  fencedMeanwhile: boolean;
  failures: number;
  retryAt: Instant;
  state: SystemdState;
}

const neverArmed = Instant(Number.NEGATIVE_INFINITY);
const retryFirstMs = 250;
const retryMaxMs = 30_000;

export interface MachineOptions {
  /** The fence is moved when that gains at least this much. */
  readonly fenceStepMs: number;
}

export class Machine {
  readonly #options: MachineOptions;
  readonly #held = new Map<string, Held>();
  #wanted: ReadonlyMap<string, Unit> | null = null;
  #revision = 0;
  #confirmedUntil = neverArmed;
  #armedUntil = neverArmed;
  #arming = false;
  #armRetryAt = neverArmed;
  #wakeAt: Instant | null = null;

  constructor(options: MachineOptions) {
    this.#options = options;
  }

  /** The revision of the registry up to which `reports` shows what this machine does about it. */
  get revision(): number {
    return this.#revision;
  }

  /** Every unit that is here, is coming, or is not quite gone. */
  reports(): UnitReport[] {
    return [...this.#held].map(([name, { hash, launched, state }]) => ({ name, hash, launched, ...state }));
  }

  /** Units may be started until then; later only after another confirmed report. */
  get armedUntil(): Instant {
    return this.#armedUntil;
  }

  step(event: MachineEvent): MachineEffect[] {
    const effects: MachineEffect[] = [];
    if (this.#armedUntil !== neverArmed && event.now >= this.#armedUntil) this.#disarmed();
    const changed = this.#take(event);
    this.#decideAll(event.now, effects);
    this.#armIfNeeded(event.now, effects);
    this.#wakeIfNeeded(event, effects);
    if (changed || effects.some((effect) => effect.type === "task")) effects.push({ type: "report" });
    return effects;
  }

  /** Whether a report would say something new. */
  #take(event: MachineEvent): boolean {
    switch (event.type) {
      case "found":
        for (const unit of event.units) this.#adopt(unit);
        return true;
      case "wanted":
        this.#wanted = event.units;
        this.#revision = event.revision;
        return true;
      case "state":
        return this.#takeState(event.unit, event.state);
      case "done":
        this.#finish(event.unit, event.task);
        return true;
      case "failed":
        this.#fail(event.unit, event.now);
        return false;
      case "confirmed":
        if (event.until > this.#confirmedUntil) this.#confirmedUntil = event.until;
        return false;
      case "armed":
        this.#arming = false;
        if (event.until > this.#armedUntil) this.#armedUntil = event.until;
        return false;
      case "arm-failed":
        this.#arming = false;
        this.#armRetryAt = Instant(event.now + retryFirstMs);
        return false;
      case "fenced":
        return this.#takeFence();
      case "wake":
        this.#wakeAt = null;
        return false;
      default:
        return assertNever(event);
    }
  }

  /** A unit that runs is taken over as it is; nothing is restarted. */
  #adopt({ name, hash, launched, state }: FoundUnit & { readonly hash: string }): void {
    const held = { ...fresh(hash), loaded: true, launched, state };
    forgetIfVanished(held);
    this.#held.set(name, held);
  }

  #takeState(unit: string, state: SystemdState): boolean {
    const held = this.#held.get(unit);
    if (!held || sameState(held.state, state)) return false;
    held.state = state;
    if (held.busy === null) forgetIfVanished(held);
    return true;
  }

  #finish(unit: string, task: UnitTask): void {
    const held = this.#held.get(unit)!;
    held.busy = null;
    held.failures = 0;
    if (task === "unload") this.#held.delete(unit);
    else if (task === "load") held.loaded = true;
    else held.launched = task === "start" && !held.fencedMeanwhile;
  }

  #fail(unit: string, now: Instant): void {
    const held = this.#held.get(unit)!;
    held.busy = null;
    held.retryAt = Instant(now + Math.min(retryMaxMs, retryFirstMs * 2 ** Math.min(held.failures, 20)));
    held.failures++;
    // What was said of the unit during the task counts now.
    forgetIfVanished(held);
  }

  #takeFence(): boolean {
    this.#disarmed();
    let changed = false;
    for (const held of this.#held.values()) {
      held.fencedMeanwhile = true;
      if (held.launched) changed = true;
      held.launched = false;
    }
    return changed;
  }

  /**
   * What was armed has fired, or is about to. Starting again takes a new confirmation, so that units do not flap in the
   * last moments of an old one.
   */
  #disarmed(): void {
    this.#armedUntil = neverArmed;
    this.#confirmedUntil = neverArmed;
  }

  #decideAll(now: Instant, effects: MachineEffect[]): void {
    // Before the registry has been read, nothing is known to be unwanted.
    if (this.#wanted === null) return;
    for (const [name, held] of this.#held) this.#decide(name, held, now, effects);
    for (const [name, unit] of this.#wanted) {
      if (this.#held.has(name)) continue;
      const held = fresh(unit.content.hash);
      this.#held.set(name, held);
      this.#decide(name, held, now, effects);
    }
  }

  #decide(name: string, held: Held, now: Instant, effects: MachineEffect[]): void {
    if (held.busy !== null || now < held.retryAt) return;
    const wanted = this.#wanted!.get(name);
    const next = nextTask(held, wanted);
    if (!next || (next.task === "start" && now >= this.#armedUntil)) return;
    held.busy = next.task;
    held.fencedMeanwhile = false;
    effects.push({ type: "task", unit: name, text: wanted?.content.text ?? "", ...next });
  }

  /** The fence is armed only while something runs or is to start, so an idle host's service manager is left alone. */
  #armIfNeeded(now: Instant, effects: MachineEffect[]): void {
    const until = this.#confirmedUntil;
    if (this.#arming || until <= now || now < this.#armRetryAt) return;
    const gained = until - this.#armedUntil >= this.#options.fenceStepMs || this.#armedUntil <= now;
    if (!gained || !this.#fenceNeeded()) return;
    this.#arming = true;
    effects.push({ type: "arm", until });
  }

  #fenceNeeded(): boolean {
    for (const [name, held] of this.#held) {
      if (held.launched || held.busy === "start") return true;
      if (held.loaded && this.#wanted?.get(name)?.desired === "launched") return true;
    }
    return false;
  }

  #wakeIfNeeded(event: MachineEvent, effects: MachineEffect[]): void {
    let at = Number.POSITIVE_INFINITY;
    for (const held of this.#held.values()) {
      if (held.busy === null && held.retryAt > event.now) at = Math.min(at, held.retryAt);
    }
    if (!this.#arming && this.#armRetryAt > event.now) at = Math.min(at, this.#armRetryAt);
    if (!Number.isFinite(at) || at === this.#wakeAt) return;
    this.#wakeAt = Instant(at);
    effects.push({ type: "wake", at: this.#wakeAt });
  }
}

function nextTask(held: Held, wanted: Unit | undefined): { task: UnitTask; reason: string } | undefined {
  if (!wanted) return { task: "unload", reason: "not wanted on this machine" };
  if (held.hash !== wanted.content.hash) return { task: "unload", reason: "its content was replaced" };
  if (!held.loaded) return { task: "load", reason: `desired state is ${wanted.desired}` };
  if (wanted.desired === "launched" && !held.launched)
    return { task: "start", reason: "desired state is launched" };
  if (wanted.desired === "loaded" && held.launched)
    return { task: "stop", reason: "desired state is loaded" };
  return undefined;
}

/** The service manager knows no file of this name any more: somebody removed it, and it has to be loaded again. */
function forgetIfVanished(held: Held): void {
  if (held.state.load !== "not-found") return;
  held.loaded = false;
  held.launched = false;
}

function fresh(hash: string): Held {
  return {
    hash,
    loaded: false,
    launched: false,
    busy: null,
    fencedMeanwhile: false,
    failures: 0,
    retryAt: Instant(Number.NEGATIVE_INFINITY),
    state: unknownState,
  };
}
