/** `agent unit submit`, `load` and `start`: make the unit known if needed, say what is wanted, wait for it. */
import { AgentError } from "../../base/errors.ts";
import type { Handler } from "../command.ts";
import { connect } from "../connect.ts";
import { FleetApi, type FleetMachine, type Goal } from "../fleet-api.ts";
import { each } from "./each.ts";
import { type Plan, plan } from "./plan.ts";
import { unitWord } from "./unit-name.ts";
import { active, Patience, reached } from "./wait.ts";

/** All files are read and judged before the first write, so a bad one leaves the cluster as it was. */
function raise(verb: string, goal: Goal): Handler {
  return async (given, terminal) => {
    const fleet = new FleetApi(await connect(given, terminal));
    const patience = new Patience(given);
    const plans: Plan[] = [];
    for (const word of given.list("unit"))
      plans.push(await plan(fleet, unitWord(word), goal, given.flag("replace")));
    for (const { name, options, warning } of plans) {
      if (warning) terminal.complain(`agent: ${warning}`);
      // A submitted unit that runs already stays as it is: to submit is to hand the file in, not to stop.
      if (options) await fleet.put(name, { options, desiredState: goal });
      else if (goal !== "inactive") await fleet.put(name, { desiredState: goal });
    }
    return each(plans, terminal, async ({ name, options, global }) => {
      if (goal === "inactive" && !options) return `Unit ${name} is known already`;
      if (global) return `Triggered global unit ${name} ${verb}`;
      if (!patience.block) return `Triggered unit ${name} ${verb}`;
      const unit = await reached(fleet, name, goal, patience);
      const state = goal === "launched" ? await active(fleet, name, patience) : undefined;
      const id = state?.machineID ?? unit.machineID;
      return `Unit ${name} ${goal}${id ? ` on ${await place(fleet, id)}` : ""}`;
    });
  };
}

/** `1a2b3c4d.../10.0.0.1`, as fleetctl prints a machine. */
async function place(fleet: FleetApi, id: string): Promise<string> {
  let machines: FleetMachine[] = [];
  try {
    machines = await fleet.machines();
  } catch (error) {
    // The unit runs; that its machine's address is not known right now is no reason to fail.
    if (!(error instanceof AgentError)) throw error;
  }
  const ip = machines.find((machine) => machine.id === id)?.primaryIP;
  return `${id.slice(0, 8)}...${ip ? `/${ip}` : ""}`;
}

export const handleSubmit: Handler = raise("submit", "inactive");
export const handleLoad: Handler = raise("load", "loaded");
export const handleStart: Handler = raise("start", "launched");
