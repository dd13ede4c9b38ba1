/** `agent unit destroy`. A unit that is not there is not an error: the wish is fulfilled (fleet.md 2.4). */
import type { Handler } from "../command.ts";
import { connect } from "../connect.ts";
import { FleetApi } from "../fleet-api.ts";
import { each } from "./each.ts";
import { unitWord } from "./unit-name.ts";
import { absent, Patience } from "./wait.ts";

export const handleDestroy: Handler = async (given, terminal) => {
  const fleet = new FleetApi(await connect(given, terminal));
  const patience = new Patience(given);
  return each(given.list("unit"), terminal, async (word) => {
    const { name } = unitWord(word);
    if (!(await fleet.remove(name))) return `There was no unit ${name}`;
    if (patience.block) await absent(fleet, name, patience);
    return `Destroyed ${name}`;
  });
};
