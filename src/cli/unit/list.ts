/** `agent unit list` and `status`: what is wanted of each unit, where it is, and what its machine reports. */
import type { Handler } from "../command.ts";
import { connect } from "../connect.ts";
import { failure } from "../errors.ts";
import { FleetApi, type FleetUnit, type FleetUnitState, isGlobal } from "../fleet-api.ts";
import { table } from "../table.ts";
import { unitWord } from "./unit-name.ts";

/** One line of the list; a global unit has one for each machine that reports it. */
interface Line {
  readonly name: string;
  readonly desired: string;
  readonly current: string;
  readonly machine: string;
  readonly load: string;
  readonly active: string;
  readonly sub: string;
}

function lines(units: readonly FleetUnit[], states: readonly FleetUnitState[]): Line[] {
  return units.flatMap((unit) => {
    const global = isGlobal(unit);
    const own = states.filter((state) => state.name === unit.name);
    const shown: ReadonlyArray<FleetUnitState | undefined> = own.length > 0 ? own : [undefined];
    return shown.map((state) => ({
      name: unit.name,
      desired: unit.desiredState,
      current: global ? "global" : (unit.currentState ?? ""),
      machine: state?.machineID ?? unit.machineID ?? "",
      load: state?.systemdLoadState ?? "",
      active: state?.systemdActiveState ?? "",
      sub: state?.systemdSubState ?? "",
    }));
  });
}

function print(list: readonly Line[], output: string): string {
  if (output === "json") return `${JSON.stringify(list, null, 2)}\n`;
  const rows = list.map((line) => [
    line.name,
    line.desired,
    line.current,
    line.machine.slice(0, 8),
    line.active,
    line.sub,
  ]);
  return table(["UNIT", "DESIRED", "CURRENT", "MACHINE", "ACTIVE", "SUB"], rows);
}

export const handleList: Handler = async (given, terminal) => {
  const fleet = new FleetApi(await connect(given, terminal));
  const [units, states] = await Promise.all([fleet.units(), fleet.states()]);
  terminal.out(print(lines(units, states), given.text("output")));
  return 0;
};

export const handleStatus: Handler = async (given, terminal) => {
  const fleet = new FleetApi(await connect(given, terminal));
  const units: FleetUnit[] = [];
  const states: FleetUnitState[] = [];
  for (const { name } of given.list("unit").map(unitWord)) {
    const unit = await fleet.unit(name);
    if (!unit) throw failure(`unit ${name}: the cluster does not know it`);
    units.push(unit);
    states.push(...(await fleet.states(name)));
  }
  terminal.out(print(lines(units, states), given.text("output")));
  return 0;
};
