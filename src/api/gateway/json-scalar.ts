/** One scalar of a message from its JSON form, by the kind of its field (etcd.md 12.2). */
import type { Field } from "../../store/wire/protobuf.ts";
import { fromBase64 } from "./base64.ts";
import { FieldProblem, kindOf } from "./field-problem.ts";

const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;
const uint64Max = 2n ** 64n - 1n;
const safe = BigInt(Number.MAX_SAFE_INTEGER);

/** The value as the message's table holds it. Throws FieldProblem. */
export function readScalar(field: Field<unknown>, value: unknown): unknown {
  switch (field.kind) {
    case "bytes": {
      const bytes = typeof value === "string" ? fromBase64(value) : null;
      if (bytes) return bytes;
      throw new FieldProblem(
        typeof value === "string" ? "is not valid base64" : `expected a base64 string, got ${kindOf(value)}`,
      );
    }
    case "string":
      if (typeof value === "string") return value;
      throw new FieldProblem(`expected a string, got ${kindOf(value)}`);
    case "bool":
      if (typeof value === "boolean") return value;
      throw new FieldProblem(`expected true or false, got ${kindOf(value)}`);
    case "enum":
      return readEnum(field.names ?? [], value);
    case "uint32":
      return Number(readInteger(value, 0n, 2n ** 32n - 1n));
    case "int64": {
      // The table keeps counters as numbers and clamps what is beyond, as its decoder does.
      const exact = readInteger(value, int64Min, int64Max);
      return Number(exact > safe ? safe : exact < -safe ? -safe : exact);
    }
    case "id64":
      return readInteger(value, int64Min, int64Max);
    case "uint64":
      return readInteger(value, 0n, uint64Max);
    default:
      throw new TypeError(`no JSON form for a field of kind ${field.kind}`);
  }
}

function readEnum(names: readonly string[], value: unknown): number {
  if (typeof value !== "string") return Number(readInteger(value, -(2n ** 31n), 2n ** 31n - 1n));
  const number = names.indexOf(value);
  if (number === -1) throw new FieldProblem(`unknown value ${JSON.stringify(value.slice(0, 40))}`);
  return number;
}

/** A whole number, written as a number or as a string that holds one; `1e3` and `5.0` are whole. */
function readInteger(value: unknown, min: bigint, max: bigint): bigint {
  const exact = integerOf(value);
  if (exact === null) {
    const got = typeof value === "string" || typeof value === "number" ? "" : `, got ${kindOf(value)}`;
    throw new FieldProblem(`expected an integer${got}`);
  }
  if (exact < min || exact > max) throw new FieldProblem(`is not between ${min} and ${max}`);
  return exact;
}

function integerOf(value: unknown): bigint | null {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : null;
  if (typeof value !== "string" || value.length > integerCharactersMax) return null;
  if (/^-?\d+$/.test(value)) return BigInt(value);
  return /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value) ? integerOf(Number(value)) : null;
}

/** More than any 64-bit number needs; making a bigint of a million digits takes seconds. */
const integerCharactersMax = 100;
