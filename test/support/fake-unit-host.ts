/**
 * A host with a service manager, as far as UnitDriver sees one: files, units, and a fence that fires by the world's clock
 * whether or not anybody drives it. Steps take time and can be made to fail.
 */
import { Instant } from "../../src/base/ids.ts";
import type { Clock } from "../../src/base/ports.ts";
import type { DriverEvent, FoundUnit, UnitDriver } from "../../src/units/driver.ts";
import { type DriverStep, UnitsError } from "../../src/units/errors.ts";
import { type SystemdState, unknownState } from "../../src/units/state.ts";
import { isReservedUnitName } from "../../src/units/unit-name.ts";

interface FakeUnit {
  readonly text: string;
  launched: boolean;
  running: boolean;
  /** It was told to stop and takes its time; a start meanwhile waits for that. */
  stopping: "no" | "ends" | "starts again";
  /** Starts of its process so far. */
  starts: number;
}

export interface FakeHostOptions {
  /** How long one step takes, in milliseconds. */
  readonly stepMs: () => number;
}

const never = Instant(Number.NEGATIVE_INFINITY);

export class FakeUnitHost {
  readonly units = new Map<string, FakeUnit>();
  /** Every step that reached the host, in order: `start a.service`. */
  readonly steps: string[] = [];
  readonly #clock: Clock;
  readonly #options: FakeHostOptions;
  readonly #failing = new Map<string, number>();
  #leaseUntil = never;
  #listener: ((event: DriverEvent) => void) | null = null;

  constructor(options: FakeHostOptions, modules: { clock: Clock }) {
    this.#options = options;
    this.#clock = modules.clock;
  }

  /** The next `count` steps of this kind for this unit are refused. */
  fail(step: DriverStep, unit: string, count: number): void {
    this.#failing.set(`${step} ${unit}`, count);
  }

  running(unit: string): boolean {
    return this.units.get(unit)?.running === true;
  }

  /** A unit ends by itself. */
  exit(unit: string): void {
    const found = this.units.get(unit);
    if (found) found.running = false;
    this.#state(unit);
  }

  /** The service manager re-executes itself: units run on, the connection ends. */
  loseConnection(): void {
    const listener = this.#listener;
    this.#listener = null;
    listener?.({ type: "lost", reason: "by plan" });
  }

  /** Power off: nothing runs, and /run is empty at the next boot. */
  powerOff(): void {
    this.units.clear();
    this.#leaseUntil = never;
    this.#listener = null;
  }

  /** A connection for a new process; the former one hears nothing any more. */
  connect(): UnitDriver {
    let open = true;
    let listener: ((event: DriverEvent) => void) | null = null;
    const step = async (kind: DriverStep, unit: string, work: () => void): Promise<void> => {
      await this.#delay();
      if (!open) throw new UnitsError("closed", { code: "units.driver-lost" });
      this.#refuse(kind, unit);
      work();
    };
    return {
      inventory: async () => this.#inventory(),
      load: (unit, text) => step("load", unit, () => this.#load(unit, text)),
      start: (unit) => step("start", unit, () => this.#start(unit)),
      stop: (unit) => step("stop", unit, () => this.#stop(unit)),
      unload: (unit) =>
        step("unload", unit, () => {
          this.#stop(unit);
          this.units.delete(unit);
        }),
      arm: (until) => step("arm", "", () => this.#arm(until)),
      listen: (given) => {
        listener = given;
        this.#listener = given;
      },
      close: async () => {
        open = false;
        if (this.#listener === listener) this.#listener = null;
      },
    };
  }

  #delay(): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.at(Instant(this.#clock.now() + this.#options.stepMs()), resolve);
    });
  }

  #refuse(step: DriverStep, unit: string): void {
    if (isReservedUnitName(unit) && step !== "unload")
      throw new UnitsError("reserved", { code: "units.driver-failed", unit, step });
    if (unit) this.steps.push(`${step} ${unit}`);
    const left = this.#failing.get(`${step} ${unit}`) ?? 0;
    if (left === 0) return;
    this.#failing.set(`${step} ${unit}`, left - 1);
    throw new UnitsError("refused by plan", { code: "units.driver-failed", unit, step });
  }

  #inventory(): FoundUnit[] {
    const leased = this.#clock.now() < this.#leaseUntil;
    return [...this.units].map(([name, { text, launched, running, stopping }]) => ({
      name,
      text,
      launched: (running && stopping === "no") || (launched && leased),
      state: stateOf(running),
    }));
  }

  #load(unit: string, text: string): void {
    const old = this.units.get(unit);
    this.units.set(unit, {
      text,
      launched: false,
      running: old?.running ?? false,
      stopping: "no",
      starts: old?.starts ?? 0,
    });
    this.#state(unit);
  }

  #start(unit: string): void {
    const found = this.units.get(unit);
    if (!found) throw new UnitsError("not loaded", { code: "units.driver-failed", unit, step: "start" });
    if (this.#clock.now() >= this.#leaseUntil) {
      this.#listener?.({ type: "fenced" });
      return;
    }
    found.launched = true;
    if (found.stopping !== "no") {
      found.stopping = "starts again";
      return;
    }
    if (!found.running) found.starts++;
    found.running = true;
    this.#state(unit);
  }

  #stop(unit: string): void {
    const found = this.units.get(unit);
    if (!found) return;
    found.launched = false;
    found.running = false;
    found.stopping = "no";
    this.#state(unit);
  }

  #arm(until: Instant): void {
    this.#leaseUntil = until;
    this.#clock.at(until, () => {
      if (this.#leaseUntil === until) this.#fence();
    });
    if (until <= this.#clock.now()) this.#fence();
  }

  #fence(): void {
    this.#leaseUntil = never;
    for (const [name, unit] of this.units) {
      unit.launched = false;
      if (!unit.running || unit.stopping !== "no") continue;
      const slow = /^TimeoutStopSec=(\d+)$/m.exec(unit.text);
      unit.stopping = "ends";
      if (!slow) this.#stopped(name, unit);
      else {
        const at = Instant(this.#clock.now() + Number(slow[1]) * 1000);
        this.#clock.at(at, () => this.#stopped(name, unit));
      }
    }
    this.#listener?.({ type: "fenced" });
  }

  #stopped(name: string, unit: FakeUnit): void {
    if (unit.stopping === "no") return;
    unit.running = unit.stopping === "starts again" && this.#clock.now() < this.#leaseUntil;
    if (unit.running) unit.starts++;
    unit.stopping = "no";
    this.#state(name);
  }

  #state(unit: string): void {
    const found = this.units.get(unit);
    if (found) this.#listener?.({ type: "state", unit, state: stateOf(found.running) });
  }
}

function stateOf(running: boolean): SystemdState {
  return running ? { load: "loaded", active: "active", sub: "running" } : { ...unknownState, load: "loaded" };
}
