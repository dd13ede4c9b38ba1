/** Waiting for a unit to get where it was told to go (fleet.md 2.3), by asking the API now and then. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Arguments } from "../command.ts";
import { durationMs } from "../duration.ts";
import { failure } from "../errors.ts";
import { type FleetApi, type FleetUnit, type FleetUnitState, type Goal, isGlobal } from "../fleet-api.ts";

/** Quick enough that a person does not notice, slow enough that a hundred waiting commands do not matter. */
const everyMs = 100;

/** How long a launched unit may look inactive: its first report is on the way (fleet.md 2.3). */
const graceMs = 2_000;

/** Whether and how long to wait. */
export class Patience {
  readonly block: boolean;
  readonly #end: number;
  readonly #text: string;

  constructor(given: Arguments) {
    this.block = !given.flag("no-block");
    this.#text = given.text("timeout");
    const limit = durationMs("timeout", this.#text);
    this.#end = limit === 0 ? Number.POSITIVE_INFINITY : performance.now() + limit;
  }

  /** Sleeps until the next look; throws `cli.failed` with what is still missing when the time is up. */
  async next(missing: () => string): Promise<void> {
    if (performance.now() >= this.#end)
      throw failure(`${missing()} after ${this.#text}; the cluster keeps trying`);
    await sleep(everyMs);
  }
}

/** Resolves once the unit is where it should be, with the unit. Global units have no single current state. */
export async function reached(
  fleet: FleetApi,
  name: string,
  goal: Goal,
  patience: Patience,
): Promise<FleetUnit> {
  for (;;) {
    const unit = await fleet.unit(name);
    if (!unit) throw failure(`unit ${name} was destroyed meanwhile`);
    const global = isGlobal(unit);
    const state = global ? unit.desiredState : (unit.currentState ?? "inactive");
    if (state === goal) return unit;
    if (unit.desiredState !== goal)
      throw failure(`unit ${name}: somebody else wants it ${unit.desiredState} meanwhile`);
    await patience.next(() => `unit ${name} is still ${state}${unit.machineID ? "" : ", on no machine"}`);
  }
}

/**
 * Resolves once a launched unit is active. One that failed, or that has ended within the grace, throws: it stays launched,
 * but the user asked for something running. A long start (`activating`) is waited for.
 */
export async function active(fleet: FleetApi, name: string, patience: Patience): Promise<FleetUnitState> {
  const graceEnd = performance.now() + graceMs;
  for (;;) {
    const [state] = await fleet.states(name);
    const now = state?.systemdActiveState ?? "";
    const shown = `${now || "without a report"}${state?.systemdSubState ? ` (${state.systemdSubState})` : ""}`;
    if (state && (now === "active" || now === "reloading")) return state;
    if (now === "failed") throw failure(`unit ${name} was launched on ${state?.machineID} but is ${shown}`);
    if ((now === "" || now === "inactive") && performance.now() > graceEnd)
      throw failure(`unit ${name} was launched but is ${shown}`);
    await patience.next(() => `unit ${name} was launched but is still ${shown}`);
  }
}

/** Resolves once the cluster has forgotten the unit and no machine reports it any more. */
export async function absent(fleet: FleetApi, name: string, patience: Patience): Promise<void> {
  for (;;) {
    const states = await fleet.states(name);
    if (states.length === 0) return;
    await patience.next(
      () => `unit ${name} is forgotten but still ${states[0]!.systemdActiveState} somewhere`,
    );
  }
}
