/** Unit files on this machine. Reading and writing their text is the unit core's; here are only the files. */
import { readFileSync } from "node:fs";
import { errnoOf, messageOf } from "../../base/errors.ts";
import { UnitsError } from "../../units/errors.ts";
import { requirementsProblem } from "../../units/requirements.ts";
import { parseUnitFile, serializeUnitFile, type UnitOption } from "../../units/unit-file.ts";
import { CliError } from "../errors.ts";

/** The options in the file, undefined if there is none. Throws `cli.file` naming a file that cannot be used. */
export function readUnitFile(path: string): readonly UnitOption[] | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    throw new CliError(`${path}: ${messageOf(error)}`, { code: "cli.file", path }, { cause: error });
  }
  const options = parse(path, text);
  const problem =
    options.length === 0
      ? "has no section such as [Service] with an option in it; nothing was handed in"
      : requirementsProblem(options);
  if (problem) throw new CliError(`${path}: ${problem}`, { code: "cli.file", path });
  return options;
}

function parse(path: string, text: string): readonly UnitOption[] {
  try {
    return parseUnitFile(text);
  } catch (error) {
    if (!(error instanceof UnitsError)) throw error;
    const line = error.detail.code === "units.file-malformed" ? `, line ${error.detail.line}` : "";
    const message = `${path}${line}: ${error.message}`;
    throw new CliError(message, { code: "cli.file", path }, { cause: error });
  }
}

/** Whether two lists of options are the same unit: equal canonical text, and so equal hash (fleet.md 3.3). */
export function sameUnit(left: readonly UnitOption[], right: readonly UnitOption[]): boolean {
  return unitText(left) === unitText(right);
}

/** The canonical text of a unit (fleet.md 3.3). */
export function unitText(options: readonly UnitOption[]): string {
  return serializeUnitFile(options);
}
