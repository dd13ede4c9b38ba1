/** The body of PUT /units/{name} (fleet.md 1.1, 1.5): read as leniently as Go's decoder reads it. */
import type { UnitOption } from "../../units/unit-file.ts";

export interface UnitBody {
  readonly name: string | undefined;
  readonly options: readonly UnitOption[];
  readonly desiredState: string | undefined;
}

/** Reads the first JSON value; field names in any case, unknown ones ignored. Throws Error with a text for the 400. */
export function readUnitBody(text: string): UnitBody {
  const value: unknown = JSON.parse(firstValue(text));
  if (value === null) return { name: undefined, options: [], desiredState: undefined };
  const fields = lowerCased(value, "Unit");
  const options = fields.options ?? [];
  if (!Array.isArray(options)) throw new Error("options is not a list");
  return {
    name: textOf(fields, "name"),
    options: options.map(readOption),
    desiredState: textOf(fields, "desiredstate"),
  };
}

function readOption(value: unknown): UnitOption {
  const fields = lowerCased(value, "UnitOption");
  return {
    section: textOf(fields, "section") ?? "",
    name: textOf(fields, "name") ?? "",
    value: textOf(fields, "value") ?? "",
  };
}

function lowerCased(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Error(`cannot read ${what} from ${Array.isArray(value) ? "array" : typeof value}`);
  }
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key.toLowerCase(), field]));
}

function textOf(fields: Record<string, unknown>, name: string): string | undefined {
  const value = fields[name] ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw new Error(`${name} is not a string`);
}

/** The text up to the end of its first object or array; what follows is ignored. */
function firstValue(text: string): string {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === "\\") at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === "{" || char === "[") depth++;
    else if ((char === "}" || char === "]") && --depth === 0) return text.slice(0, at + 1);
  }
  if (text.trim() === "") throw new Error("EOF");
  return text;
}
