/** Units as fleet's API shows them: the registry's facts and the state computed from what machines report (fleet.md 5). */
import type { Registry } from "../../units/registry.ts";
import { requirementsOf } from "../../units/requirements.ts";
import type { UnitStateView, UnitView } from "../../units/service.ts";
import type { DesiredState } from "../../units/state.ts";
import type { StoredUnit } from "./unit-store.ts";

/** All units in name order. */
export function listUnits(registry: Registry, states: readonly UnitStateView[]): UnitView[] {
  const byPlace = new Map(states.map((state) => [`${state.name} ${state.machineId}`, state]));
  return [...registry.units.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, content, desired, target, requirements: { global } }) => ({
      name,
      options: content.options,
      hash: content.hash,
      global,
      desiredState: desired,
      currentState: global ? null : currentState(byPlace.get(`${name} ${target}`)),
      machineId: global ? null : target,
    }));
}

/** One unit as it was read from the store. */
export function viewOfUnit(name: string, stored: StoredUnit, states: readonly UnitStateView[]): UnitView {
  const { content, desired, seen } = stored;
  const { global } = requirementsOf(name, content.options);
  const state = states.find((other) => other.name === name && other.machineId === seen.target);
  return {
    name,
    options: content.options,
    hash: content.hash,
    global,
    desiredState: desired,
    currentState: global ? null : currentState(state),
    machineId: global ? null : seen.target,
  };
}

/** `launched` says that the target machine has called start, not that the unit is active. */
function currentState(atTarget: UnitStateView | undefined): DesiredState {
  if (!atTarget) return "inactive";
  return atTarget.launched ? "launched" : "loaded";
}
