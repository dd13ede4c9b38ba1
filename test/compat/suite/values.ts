/** Turns the suite's way of writing messages into codec values and back, and compares (case.ts). */
import type { Codec, Field } from "../../../src/store/wire/protobuf.ts";
import { type Fields, Mark } from "./case.ts";

/** What the run of one case remembers. */
export interface Memory {
  /** Store revision at the start of the case. */
  base: number;
  readonly kept: Map<string, unknown>;
}

/** A request as its codec wants it: text as bytes, enums by name, ids as bigint, marks resolved. */
export function toMessage(codec: Codec<object>, fields: Fields, memory: Memory): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      const field = codec.fields[name];
      if (!field) throw new Error(`no field ${name}`);
      const one = (item: unknown): unknown => toValue(field, resolve(item, memory), memory);
      return [name, field.repeated ? (value as unknown[]).map(one) : one(value)];
    }),
  );
}

function toValue(field: Field<unknown>, value: unknown, memory: Memory): unknown {
  if (field.nested) return toMessage(field.nested(), value as Fields, memory);
  if (field.names && typeof value === "string") return field.names.indexOf(value);
  if (field.kind === "bytes" && typeof value === "string") return Buffer.from(value, "latin1");
  if ((field.kind === "id64" || field.kind === "uint64") && typeof value === "number") return BigInt(value);
  return value;
}

export function resolve(value: unknown, memory: Memory): unknown {
  if (!(value instanceof Mark)) return value;
  if (value.type === "rev") return memory.base + (value.value as number);
  if (value.type === "kept") {
    if (!memory.kept.has(value.value as string)) throw new Error(`nothing is kept as ${String(value.value)}`);
    return memory.kept.get(value.value as string);
  }
  throw new Error(`${value.about} has no place in a request`);
}

/** An answer in the suite's form: bytes as text, enums by name. */
export function fromMessage(codec: Codec<object>, message: object): Fields {
  return Object.fromEntries(
    Object.entries(codec.fields).map(([name, field]) => {
      const value = (message as Record<string, unknown>)[name];
      return [
        name,
        field.repeated ? (value as unknown[]).map((item) => fromValue(field, item)) : fromValue(field, value),
      ];
    }),
  );
}

function fromValue(field: Field<unknown>, value: unknown): unknown {
  if (value === undefined) return undefined;
  if (field.nested) return fromMessage(field.nested(), value as object);
  if (field.names) return field.names[value as number] ?? value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  return value;
}

/** What differs, as `path: expected X, got Y`; empty when `actual` is as expected. Keeps values that `keep` names. */
export function differences(expected: unknown, actual: unknown, memory: Memory, path = "answer"): string[] {
  if (expected instanceof Mark && expected.type === "keep") {
    memory.kept.set(expected.value as string, actual);
    return [];
  }
  if (expected instanceof Mark && expected.type === "check") {
    const holds = (expected.value as (value: unknown) => boolean)(actual);
    return holds ? [] : [`${path}: expected ${expected.about}, got ${show(actual)}`];
  }
  const wanted = resolve(expected, memory);
  if (Array.isArray(wanted) && Array.isArray(actual)) {
    if (wanted.length !== actual.length)
      return [`${path}: expected ${wanted.length} elements, got ${show(actual)}`];
    return wanted.flatMap((item, i) => differences(item, actual[i], memory, `${path}[${i}]`));
  }
  if (isFields(wanted) && isFields(actual)) {
    return Object.entries(wanted).flatMap(([name, value]) =>
      differences(value, actual[name], memory, `${path}.${name}`),
    );
  }
  // Written as numbers for the reader's sake.
  if (typeof actual === "bigint" && typeof wanted === "number" && BigInt(wanted) === actual) return [];
  return wanted === actual ? [] : [`${path}: expected ${show(wanted)}, got ${show(actual)}`];
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function show(value: unknown): string {
  const text =
    JSON.stringify(value, (_key, item) => (typeof item === "bigint" ? item.toString() : item)) ?? "undefined";
  return text.length > 400 ? `${text.slice(0, 400)}...` : text;
}
