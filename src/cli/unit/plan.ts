/**
 * What has to be written so that the cluster knows a unit, decided before anything is (fleet.md 2.5): the unit as the
 * cluster has it, else the local file, else the template in the cluster, else the template as a local file.
 */

import type { UnitOption } from "../../units/unit-file.ts";
import { unitNameProblem } from "../../units/unit-name.ts";
import { failure } from "../errors.ts";
import { type FleetApi, type FleetUnit, type Goal, isGlobal } from "../fleet-api.ts";
import type { UnitWord } from "./unit-name.ts";
import { readUnitFile, sameUnit } from "./unit-source.ts";

export interface Plan {
  readonly name: string;
  /** Absent when the cluster's own copy is to be used. */
  readonly options: readonly UnitOption[] | undefined;
  /** Something the user should know; the plan still holds. */
  readonly warning: string | undefined;
  readonly global: boolean;
}

/** From which desired states a verb may replace the file: it must not stop what the user did not speak of. */
const replaceableFrom: Readonly<Record<Goal, readonly string[]>> = {
  inactive: ["inactive"],
  loaded: ["inactive", "loaded"],
  launched: ["inactive", "loaded", "launched"],
};

/** Reads files and the cluster, writes nothing. Throws CliError if there is no such unit, or its file is bad. */
export async function plan(fleet: FleetApi, word: UnitWord, goal: Goal, replace: boolean): Promise<Plan> {
  const problem = unitNameProblem(word.name);
  if (problem) throw failure(`${word.name}: ${problem}`);
  const local = readUnitFile(word.path) ?? (word.template && readUnitFile(word.template.path));
  const known = await fleet.unit(word.name);
  if (known) return planKnown(known, word, local, goal, replace);
  const options = local ?? (word.template && (await fleet.unit(word.template.name))?.options);
  if (options)
    return { name: word.name, options, warning: undefined, global: isGlobal({ name: word.name, options }) };
  throw failure(`unit ${word.name}: the cluster does not know it, and there is no file ${word.path}`);
}

function planKnown(
  known: FleetUnit,
  { name, path }: UnitWord,
  local: readonly UnitOption[] | undefined,
  goal: Goal,
  replace: boolean,
): Plan {
  const keep = (warning?: string): Plan => {
    return { name, options: undefined, warning, global: isGlobal(known) };
  };
  if (!local || sameUnit(local, known.options ?? [])) return keep();
  if (!replace)
    return keep(`unit ${name} in the cluster differs from the file ${path}; add --replace to use the file`);
  if (!replaceableFrom[goal].includes(known.desiredState))
    return keep(`unit ${name} is ${known.desiredState}; it is not replaced, unload it first`);
  return { name, options: local, warning: undefined, global: isGlobal({ name, options: local }) };
}
