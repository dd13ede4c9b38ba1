/** Which units a machine is to hold (fleet.md 7.1): those assigned to it, and global ones that fit. */
import type { Registry, Unit } from "./registry.ts";
import { inConflict, machineFits } from "./requirements.ts";

/** Wanted units by name, in name order. A global unit that conflicts with one already taken is left out. */
export function desiredUnits(
  registry: Registry,
  machine: { readonly id: string; readonly metadata: Readonly<Record<string, string>> },
): Map<string, Unit> {
  const taken = new Map<string, Unit>();
  const candidates = [...registry.units.values()]
    .filter((unit) => unit.desired !== "inactive" && (unit.requirements.global || unit.target === machine.id))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  // Assigned units first: the engine has checked them against each other, and they outrank global ones.
  for (const unit of candidates) if (!unit.requirements.global) taken.set(unit.name, unit);
  for (const unit of candidates) {
    if (!unit.requirements.global || !machineFits(unit.requirements, machine)) continue;
    const blocked = [...taken.values()].some((other) =>
      inConflict(unit.name, unit.requirements, other.name, other.requirements),
    );
    if (!blocked) taken.set(unit.name, unit);
  }
  return taken;
}
