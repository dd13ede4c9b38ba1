/** `agent unit cat`: the canonical text (fleet.md 3.3), nothing added. */
import type { Handler } from "../command.ts";
import { connect } from "../connect.ts";
import { failure } from "../errors.ts";
import { FleetApi } from "../fleet-api.ts";
import { unitWord } from "./unit-name.ts";
import { unitText } from "./unit-source.ts";

export const handleCat: Handler = async (given, terminal) => {
  const { name } = unitWord(given.text("unit"));
  const unit = await new FleetApi(await connect(given, terminal)).unit(name);
  if (!unit) throw failure(`unit ${name}: the cluster does not know it`);
  terminal.out(unitText(unit.options ?? []));
  return 0;
};
