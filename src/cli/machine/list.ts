/** `agent machine list`. */
import type { Handler } from "../command.ts";
import { connect } from "../connect.ts";
import { FleetApi } from "../fleet-api.ts";
import { table } from "../table.ts";

export const handleMachineList: Handler = async (given, terminal) => {
  const machines = await new FleetApi(await connect(given, terminal)).machines();
  if (given.text("output") === "json") {
    terminal.out(`${JSON.stringify(machines, null, 2)}\n`);
    return 0;
  }
  const rows = machines.map((machine) => [
    machine.id,
    machine.primaryIP ?? "",
    metadataText(machine.metadata ?? {}),
  ]);
  terminal.out(table(["MACHINE", "IP", "METADATA"], rows));
  return 0;
};

/** `k=v,k=v` by key, as fleetctl prints it. */
export function metadataText(metadata: Readonly<Record<string, string>>): string {
  return Object.entries(metadata)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
}
