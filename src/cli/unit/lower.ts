/** `agent unit stop` and `unload`. */
import type { Handler } from "../command.ts";
import { connect } from "../connect.ts";
import { failure } from "../errors.ts";
import { FleetApi, type Goal, isGlobal } from "../fleet-api.ts";
import { each } from "./each.ts";
import { unitWord } from "./unit-name.ts";
import { Patience, reached } from "./wait.ts";

function lower(verb: string, done: string, goal: Goal): Handler {
  return async (given, terminal) => {
    const fleet = new FleetApi(await connect(given, terminal));
    const patience = new Patience(given);
    return each(given.list("unit"), terminal, async (word) => {
      const { name } = unitWord(word);
      const unit = await fleet.unit(name);
      if (!unit) throw failure(`unit ${name}: the cluster does not know it`);
      if (verb === "stop" && unit.desiredState === "inactive")
        throw failure(`Unable to stop unit ${name} in state inactive`);
      if (unit.desiredState !== goal) await fleet.put(name, { desiredState: goal });
      if (!patience.block || isGlobal(unit)) return `Triggered unit ${name} ${verb}`;
      await reached(fleet, name, goal, patience);
      return `${done} unit ${name}`;
    });
  };
}

export const handleStop: Handler = lower("stop", "Stopped", "loaded");
export const handleUnload: Handler = lower("unload", "Unloaded", "inactive");
