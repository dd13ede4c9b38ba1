/** Units, machines and states in fleet's JSON (fleet.md 1.3): empty strings, lists and maps are left out. */
import type { MachineView, UnitStateView, UnitView } from "../../units/service.ts";

export function unitResource(unit: UnitView): object {
  return present({
    name: unit.name,
    options: unit.options.map(({ section, name, value }) => ({ section, name, value })),
    desiredState: unit.desiredState,
    currentState: unit.currentState,
    machineID: unit.machineId,
  });
}

export function machineResource(machine: MachineView): object {
  return present({ id: machine.id, primaryIP: machine.primaryIp, metadata: machine.metadata });
}

export function stateResource(state: UnitStateView): object {
  return present({
    name: state.name,
    hash: state.hash,
    machineID: state.machineId,
    systemdLoadState: state.load,
    systemdActiveState: state.active,
    systemdSubState: state.sub,
  });
}

function present(fields: Record<string, string | readonly object[] | object | null>): object {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => {
      if (value === null || value === "") return false;
      return typeof value === "string" || Object.keys(value).length > 0;
    }),
  );
}
