/**
 * D-Bus signatures as type trees (D-Bus specification, "Type System"). `a(sv)` becomes array of struct of string and
 * variant; dictionaries are arrays of entries, which is what they are on the wire.
 */
import { assert } from "../../base/assert.ts";

/** Types of fixed or string form, by their signature character. */
export type BasicCode = "y" | "b" | "n" | "q" | "i" | "u" | "x" | "t" | "d" | "s" | "o" | "g" | "h";

export type DbusType =
  | { readonly kind: "basic"; readonly code: BasicCode }
  | { readonly kind: "variant" }
  | { readonly kind: "array"; readonly of: DbusType }
  /** A struct, or the entry of a dictionary: both are aligned to 8 and hold their fields one after the other. */
  | { readonly kind: "struct"; readonly fields: readonly DbusType[] };

/**
 * Values: numbers for integers of up to 32 bits and doubles, bigint for `x` and `t`, boolean, string, arrays for arrays and
 * structs, `Variant` for variants. A dictionary is an array of [key, value].
 */
export type DbusValue = number | bigint | boolean | string | Variant | readonly DbusValue[];

/** A value that carries its own signature. */
export class Variant {
  readonly signature: string;
  readonly value: DbusValue;

  constructor(signature: string, value: DbusValue) {
    this.signature = signature;
    this.value = value;
  }
}

const basicCodes = "ybnqiuxtdsogh";

/** The complete types of a signature, in order; undefined if it is not one, or nests deeper than 32 levels. */
export function parseSignature(signature: string): DbusType[] | undefined {
  const types: DbusType[] = [];
  for (let at = 0; at < signature.length; ) {
    const next = parseOne(signature, at, 0);
    if (!next) return undefined;
    types.push(next.type);
    at = next.end;
  }
  return types;
}

/** The types of a signature that this program wrote itself. */
export function typesOf(signature: string): DbusType[] {
  const types = parseSignature(signature);
  assert(types, "a signature in our own code is well formed");
  return types;
}

function parseOne(text: string, at: number, depth: number): { type: DbusType; end: number } | undefined {
  const code = text[at];
  if (code === undefined || depth > 32) return undefined;
  if (code === "v") return { type: { kind: "variant" }, end: at + 1 };
  if (code === "a") {
    const of = parseOne(text, at + 1, depth + 1);
    return of && { type: { kind: "array", of: of.type }, end: of.end };
  }
  if (code === "(" || code === "{") return parseFields(text, at + 1, depth, code === "(" ? ")" : "}");
  if (!basicCodes.includes(code)) return undefined;
  return { type: { kind: "basic", code: code as BasicCode }, end: at + 1 };
}

function parseFields(
  text: string,
  start: number,
  depth: number,
  close: string,
): { type: DbusType; end: number } | undefined {
  const fields: DbusType[] = [];
  let at = start;
  while (text[at] !== close) {
    const field = parseOne(text, at, depth + 1);
    if (!field) return undefined;
    fields.push(field.type);
    at = field.end;
  }
  if (fields.length === 0) return undefined;
  return { type: { kind: "struct", fields }, end: at + 1 };
}

/** Where a value of this type has to begin: a multiple of this many bytes from the start of the message. */
export function alignmentOf(type: DbusType): number {
  if (type.kind === "struct") return 8;
  if (type.kind === "array") return 4;
  if (type.kind === "variant") return 1;
  switch (type.code) {
    case "y":
    case "g":
      return 1;
    case "n":
    case "q":
      return 2;
    case "x":
    case "t":
    case "d":
      return 8;
    default:
      return 4;
  }
}
