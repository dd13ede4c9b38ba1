/** Names of units (fleet.md 3.1): the rules in fleet's order and with its texts, and the parts of a name. */

const types = new Set(
  "automount busname device mount path scope service slice snapshot socket swap target timer".split(" "),
);
const templateTypes = new Set("path service socket target timer".split(" "));
const nameBytesMax = 256;
const character = /[^A-Za-z0-9:\-_.\\@]/;

/** What is wrong with a name, in fleet's words; undefined if nothing. */
export function unitNameProblem(name: string): string | undefined {
  if (name === "") return "unit name cannot be empty";
  if (Buffer.byteLength(name) > nameBytesMax) return `unit name exceeds maximum length (${nameBytesMax})`;
  const dot = name.lastIndexOf(".");
  if (dot < 0) return 'unit name must contain "."';
  if (dot === name.length - 1) return 'unit name cannot end in "."';
  const type = name.slice(dot + 1);
  if (!types.has(type)) return `invalid unit type: "${type}"`;
  if (name.includes("@") && !templateTypes.has(type)) return `invalid unit type for template: "${type}"`;
  const foreign = character.exec(name.slice(0, dot));
  if (foreign)
    return `invalid character '${String.fromCodePoint(name.codePointAt(foreign.index)!)}' in unit name`;
  if (name.startsWith("@")) return 'unit name cannot start in "@"';
  return undefined;
}

const reservedPrefix = "argosy-";

/** Whether the name is kept for the agent's own units, such as the fence: a user's would take its place. */
export function isReservedUnitName(name: string): boolean {
  return name.startsWith(reservedPrefix);
}

/** The parts of `foo@bar.service`: name `foo@bar`, prefix `foo`, instance `bar`, type `service`. */
export interface UnitNameParts {
  readonly name: string;
  readonly prefix: string;
  /** Null without an `@`; empty for a template. */
  readonly instance: string | null;
  readonly type: string;
}

/** Takes a valid name apart. */
export function unitNameParts(unit: string): UnitNameParts {
  const dot = unit.lastIndexOf(".");
  const name = unit.slice(0, dot);
  const at = name.indexOf("@");
  return {
    name,
    prefix: at < 0 ? name : name.slice(0, at),
    instance: at < 0 ? null : name.slice(at + 1),
    type: unit.slice(dot + 1),
  };
}

/** Whether the unit is a template: it has an `@` and nothing between it and the last dot. */
export function isTemplate(unit: string): boolean {
  return unitNameParts(unit).instance === "";
}
