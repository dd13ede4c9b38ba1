/**
 * proto3's JSON form to messages, by the tables of store/wire (etcd.md 12.2). Lenient as etcd is: proto names or
 * lowerCamelCase, 64-bit numbers as strings or numbers, enums by name or number, unknown fields ignored, null is absent.
 * Strict where being lenient would guess: wrong types, two members of a oneof, a field under both of its names.
 */

import { RequestOp, WatchRequest } from "../../store/wire/messages.ts";
import type { Codec, Field, Init } from "../../store/wire/protobuf.ts";
import { malformed } from "./errors.ts";
import { FieldProblem, kindOf } from "./field-problem.ts";
import { readScalar } from "./json-scalar.ts";

/** Messages within messages, as many as the protobuf decoder takes. */
const nestingMax = 100;

interface Row {
  /** The proto's own name: the key of the decoded message. */
  readonly key: string;
  readonly field: Field<unknown>;
  readonly inOneof: boolean;
}
/** Rows by both spellings of their names. */
type Plan = ReadonlyMap<string, Row>;

/** Requests whose message fields are all members of one oneof. Scalars of a oneof are known by being optional. */
const oneofs: ReadonlySet<unknown> = new Set([RequestOp, WatchRequest]);

export class JsonReader {
  readonly #plans = new Map<Codec<object>, Plan>();

  /** What `codec` encodes. Throws JsonError that names the field. null is the empty message, as for Go. */
  read<Shape extends object>(codec: Codec<Shape>, value: unknown): Init<Shape> {
    if (value === null) return {};
    try {
      return this.#message(codec as unknown as Codec<object>, value, 0) as Init<Shape>;
    } catch (error) {
      if (error instanceof FieldProblem) throw malformed(error.sentence, error);
      throw error;
    }
  }

  #message(codec: Codec<object>, value: unknown, depth: number): object {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new FieldProblem(`expected an object, got ${kindOf(value)}`);
    }
    if (depth > nestingMax) {
      throw new FieldProblem(`messages are nested deeper than ${nestingMax}`);
    }
    const plan = this.#plan(codec);
    const init: Record<string, unknown> = {};
    let member: string | undefined;
    for (const name of Object.keys(value)) {
      const row = plan.get(name);
      const item = (value as Record<string, unknown>)[name];
      if (row === undefined || item === null) continue;
      if (row.key in init) throw new FieldProblem("is given under both of its names").within(row.key);
      if (row.inOneof && member !== undefined) {
        throw new FieldProblem(`excludes ${member}: only one of them may be set`).within(row.key);
      }
      if (row.inOneof) member = row.key;
      init[row.key] = this.#field(row, item, depth);
    }
    return init;
  }

  #field({ key, field }: Row, value: unknown, depth: number): unknown {
    let index = -1;
    try {
      if (!field.repeated) return this.#single(field, value, depth);
      if (!Array.isArray(value)) throw new FieldProblem(`expected a list, got ${kindOf(value)}`);
      const list: unknown[] = [];
      for (index = 0; index < value.length; index++) list.push(this.#single(field, value[index], depth));
      return list;
    } catch (error) {
      throw error instanceof FieldProblem ? error.within(index === -1 ? key : `${key}[${index}]`) : error;
    }
  }

  #single(field: Field<unknown>, value: unknown, depth: number): unknown {
    return field.nested ? this.#message(field.nested(), value, depth + 1) : readScalar(field, value);
  }

  #plan(codec: Codec<object>): Plan {
    const known = this.#plans.get(codec);
    if (known) return known;
    const plan = new Map<string, Row>();
    for (const [key, field] of Object.entries(codec.fields)) {
      const optional = !field.nested && !field.repeated && field.initial() === undefined;
      const row = { key, field, inOneof: optional || oneofs.has(codec) };
      plan.set(key, row);
      plan.set(lowerCamelCase(key), row);
    }
    this.#plans.set(codec, plan);
    return plan;
  }
}

/** `range_end` -> `rangeEnd`; names without underscores stay as they are. */
function lowerCamelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}
