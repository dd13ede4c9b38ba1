/**
 * Protocol buffers (proto3 wire format) from one readable table: `message({ key: bytes(1), limit: int64(3) })` gives the
 * TypeScript type, the encoder and the decoder. Used by the log, the gRPC front and the remote client alike.
 *
 * 64-bit fields come in two kinds. `int64` is a number, for counters that stay far below 2^53; a value beyond that is
 * clamped to the largest safe integer, which keeps every comparison with a real counter right. `id64`/`uint64` are bigint,
 * for ids that use all bits. Absent scalars decode to zero, absent messages to undefined, unknown fields are skipped
 * (groups are refused), packed repeated scalars are accepted.
 */

import { emptyBytes } from "../../base/bytes.ts";
import { AgentError } from "../../base/errors.ts";

/** The bytes are not a message of the type they were read as, or end inside it; `offset` is where reading stopped. */
export class WireError extends AgentError<{ code: "wire.malformed" | "wire.cut"; offset: number }> {
  override readonly name = "WireError";
  constructor(what: string, offset: number, code: "wire.malformed" | "wire.cut" = "wire.malformed") {
    super(`malformed protobuf at byte ${offset}: ${what}`, { code, offset });
  }
}

/** Messages inside messages; protobuf's own implementations stop at 100 too. */
const nestingMax = 100;
const maxSafe = BigInt(Number.MAX_SAFE_INTEGER);

/** A cursor over bytes. Every read checks its bounds; nothing is allocated from a length that is not there. */
export class Reader {
  /** How many messages this one is nested in. */
  readonly depth: number;
  readonly #bytes: Uint8Array;
  #at: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, depth = 0) {
    this.#bytes = bytes;
    this.depth = depth;
    this.#at = 0;
    this.#end = bytes.length;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  fail(what: string): never {
    throw new WireError(what, this.#at);
  }

  #cut(what: string): never {
    throw new WireError(what, this.#at, "wire.cut");
  }

  /** A varint that is known to be small: enums, counts. Bits above 32 are dropped, as protobuf does for int32. */
  uint32(): number {
    let result = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) this.#cut("varint is cut");
      const byte = this.#bytes[this.#at++]!;
      if (shift < 28) result |= (byte & 0x7f) << shift;
      else if (shift === 28) result |= (byte & 0x0f) << 28;
      if (byte < 0x80) return result >>> 0;
    }
    return this.fail("varint is longer than 10 bytes");
  }

  /** A tag or a length: bits above 32 would make another one of it, so they are an error. */
  prefix(): number {
    const start = this.#at;
    const value = this.uint32();
    const count = this.#at - start;
    if (count > 5 || (count === 5 && this.#bytes[this.#at - 1]! > 0x0f)) this.fail("more than 32 bits");
    return value;
  }

  /** All 64 bits, unsigned. */
  uint64(): bigint {
    let low = 0;
    let high = 0n;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) this.#cut("varint is cut");
      const byte = this.#bytes[this.#at++]!;
      if (shift < 28) low |= (byte & 0x7f) << shift;
      else high |= BigInt(byte & 0x7f) << BigInt(shift);
      if (byte < 0x80) return BigInt.asUintN(64, high | BigInt(low));
    }
    return this.fail("varint is longer than 10 bytes");
  }

  /** A signed 64-bit value as a number, clamped to the safe range. */
  int64(): number {
    const start = this.#at;
    let result = 0;
    let scale = 1;
    for (let count = 0; count < 7; count++) {
      if (this.#at >= this.#end) this.#cut("varint is cut");
      const byte = this.#bytes[this.#at++]!;
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) return result;
      scale *= 128;
    }
    this.#at = start;
    const value = BigInt.asIntN(64, this.uint64());
    if (value > maxSafe) return Number.MAX_SAFE_INTEGER;
    return value < -maxSafe ? Number.MIN_SAFE_INTEGER : Number(value);
  }

  /** Length-delimited bytes: a view, not a copy. */
  bytes(): Uint8Array {
    const length = this.prefix();
    if (length > this.#end - this.#at) this.#cut("length goes beyond the message");
    if (length === 0) return emptyBytes;
    const view = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return view;
  }

  /** Skips the value of an unknown field. */
  skip(wireType: number): void {
    if (wireType === 0) this.uint64();
    else if (wireType === 1) this.#advance(8);
    else if (wireType === 2) this.bytes();
    else if (wireType === 5) this.#advance(4);
    else this.fail(`wire type ${wireType}`);
  }

  #advance(length: number): void {
    if (length > this.#end - this.#at) this.#cut("fixed value is cut");
    this.#at += length;
  }
}

/** A growing buffer. `finish` gives the bytes written; the writer must not be used after. */
export class Writer {
  #bytes: Buffer;
  #at = 0;

  constructor(sizeHint = 128) {
    this.#bytes = Buffer.allocUnsafe(sizeHint);
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  #room(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + size));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }

  uint32(value: number): void {
    this.#room(5);
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#at++] = rest;
  }

  uint64(value: bigint): void {
    this.#room(10);
    let rest = BigInt.asUintN(64, value);
    while (rest > 0x7fn) {
      this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#bytes[this.#at++] = Number(rest);
  }

  int64(value: number): void {
    if (value < 0) {
      this.uint64(BigInt(value));
      return;
    }
    this.#room(10);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at++] = rest;
  }

  bytes(value: Uint8Array): void {
    this.uint32(value.length);
    this.raw(value);
  }

  /** Bytes as they are, without a length. */
  raw(value: Uint8Array): void {
    this.#room(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }
}

/** One row of a message table: how a field is read, written and left out. */
export interface Field<Value> {
  readonly number: number;
  readonly kind: string;
  readonly repeated: boolean;
  /** Wire type of one value: 0 varint, 2 length-delimited. */
  readonly wire: 0 | 2;
  /** The value of an absent field. */
  initial(): Value;
  /** One value (an element, for repeated fields). `previous` is what the field held, for message merging. */
  read(reader: Reader): unknown;
  write(writer: Writer, value: unknown): void;
  /** Whether proto3 leaves the (single) value out. */
  isDefault(value: unknown): boolean;
  /** For messages: their own table (lazily, since tables may refer to themselves). */
  readonly nested?: () => Codec<object>;
  /** For enums: names by number. */
  readonly names?: readonly string[];
}

type Fields = Record<string, Field<unknown>>;
type ValueOf<F> = F extends Field<infer Value> ? Value : never;

/** The decoded form of a table: every field present (undefined only where a message or oneof member is absent). */
export type Infer<C> = C extends Codec<infer Shape> ? Shape : never;
/** What encoding accepts: any subset of the fields, nested messages likewise. */
export type Init<Shape> = {
  [Key in keyof Shape]?: InitValue<Shape[Key]> | undefined;
};
type InitValue<Value> = Value extends Uint8Array
  ? Value
  : Value extends (infer Element)[]
    ? readonly InitValue<Element>[]
    : Value extends object
      ? Init<Value>
      : Value;

/** Encoder and decoder of one message. */
export interface Codec<Shape> {
  readonly fields: Fields;
  /** Throws WireError on malformed bytes. `bytes` fields are views into the input. `depth` is for nested messages. */
  decode(bytes: Uint8Array, depth?: number): Shape;
  encode(value: Init<Shape>): Buffer;
  encodeTo(writer: Writer, value: Init<Shape>): void;
  /** The message with every field at its default, overridden by what `init` has; nested messages are taken as they are. */
  create(init?: Init<Shape>): Shape;
}

type ShapeOf<F extends Fields> = { -readonly [Key in keyof F]: ValueOf<F[Key]> };

/** Makes the codec of a table. */
export function message<F extends Fields>(fields: F): Codec<ShapeOf<F>> {
  const names = Object.keys(fields);
  const rows = names.map((name) => ({
    name,
    field: fields[name]!,
    tag: (fields[name]!.number << 3) | fields[name]!.wire,
  }));
  const highest = Math.max(0, ...rows.map((row) => row.field.number));
  const byNumber: Array<(typeof rows)[number] | undefined> = new Array(highest + 1).fill(undefined);
  for (const row of rows) byNumber[row.field.number] = row;

  const create = (init?: object): ShapeOf<F> => {
    const given = (init ?? {}) as Record<string, unknown>;
    const value: Record<string, unknown> = {};
    for (const { name, field } of rows) value[name] = given[name] ?? field.initial();
    return value as ShapeOf<F>;
  };

  const encodeTo = (writer: Writer, value: object): void => {
    const source = value as Record<string, unknown>;
    for (const { name, field, tag } of rows) {
      const item = source[name];
      if (item === undefined) continue;
      if (field.repeated) {
        for (const element of item as unknown[]) {
          writer.uint32(tag);
          field.write(writer, element);
        }
      } else if (!field.isDefault(item)) {
        writer.uint32(tag);
        field.write(writer, item);
      }
    }
  };

  const decode = (bytes: Uint8Array, depth = 0): ShapeOf<F> => {
    const value = create() as Record<string, unknown>;
    const reader = new Reader(bytes, depth);
    if (depth > nestingMax) reader.fail(`messages are nested deeper than ${nestingMax}`);
    while (!reader.done) {
      const tag = reader.prefix();
      const number = tag >>> 3;
      const wire = tag & 7;
      if (number === 0) reader.fail("field number 0");
      const row = number <= highest ? byNumber[number] : undefined;
      if (!row) {
        reader.skip(wire);
        continue;
      }
      const { name, field } = row;
      if (wire === field.wire) {
        const item = field.read(reader);
        if (field.repeated) (value[name] as unknown[]).push(item);
        else value[name] = item;
      } else if (field.repeated && field.wire === 0 && wire === 2) {
        const packed = new Reader(reader.bytes());
        while (!packed.done) (value[name] as unknown[]).push(field.read(packed));
      } else {
        reader.fail(`field ${name} has wire type ${wire}`);
      }
    }
    return value as ShapeOf<F>;
  };

  return {
    fields,
    create,
    decode,
    encodeTo,
    encode(value) {
      const writer = new Writer();
      encodeTo(writer, value);
      return writer.finish();
    },
  };
}

function scalar<Value>(
  number: number,
  kind: string,
  wire: 0 | 2,
  zero: Value,
  read: (reader: Reader) => Value,
  write: (writer: Writer, value: Value) => void,
  isDefault: (value: Value) => boolean = (value) => value === zero,
): Field<Value> {
  return {
    number,
    kind,
    wire,
    repeated: false,
    initial: () => zero,
    read,
    write: write as (writer: Writer, value: unknown) => void,
    isDefault: isDefault as (value: unknown) => boolean,
  };
}

export const bytes = (number: number): Field<Uint8Array> =>
  scalar<Uint8Array>(
    number,
    "bytes",
    2,
    emptyBytes,
    (reader) => reader.bytes(),
    (writer, value) => writer.bytes(value),
    (value) => value.length === 0,
  );
export const string = (number: number): Field<string> =>
  scalar(
    number,
    "string",
    2,
    "",
    (reader) => Buffer.from(reader.bytes()).toString("utf8"),
    (writer, value) => writer.bytes(Buffer.from(value, "utf8")),
  );
export const bool = (number: number): Field<boolean> =>
  scalar(
    number,
    "bool",
    0,
    false,
    (reader) => reader.uint64() !== 0n,
    (writer, value) => writer.uint32(value ? 1 : 0),
  );
/** A signed counter as number; see the head of this file. */
export const int64 = (number: number): Field<number> =>
  scalar(
    number,
    "int64",
    0,
    0,
    (reader) => reader.int64(),
    (writer, value) => writer.int64(value),
  );
export const uint32 = (number: number): Field<number> =>
  scalar(
    number,
    "uint32",
    0,
    0,
    (reader) => reader.uint32(),
    (writer, value) => writer.uint32(value),
  );
/** A signed 64-bit id (lease ids). */
export const id64 = (number: number): Field<bigint> =>
  scalar(
    number,
    "id64",
    0,
    0n,
    (reader) => BigInt.asIntN(64, reader.uint64()),
    (writer, value) => writer.uint64(value),
  );
/** An unsigned 64-bit id (member and cluster ids). */
export const uint64 = (number: number): Field<bigint> =>
  scalar(
    number,
    "uint64",
    0,
    0n,
    (reader) => reader.uint64(),
    (writer, value) => writer.uint64(value),
  );
/** An enum as its number; `names` serve JSON. Numbers outside are kept, as proto3 asks. */
export const enumeration = <Names extends readonly string[]>(
  number: number,
  names: Names,
): Field<number> => ({
  ...scalar(
    number,
    "enum",
    0,
    0,
    (reader) => reader.uint32(),
    (writer, value) => writer.uint32(value),
  ),
  names,
});
/** A nested message; absent is undefined. The thunk allows a table to refer to one below it. */
export const nested = <Shape extends object>(
  number: number,
  codec: () => Codec<Shape>,
): Field<Shape | undefined> => ({
  number,
  kind: "message",
  wire: 2,
  repeated: false,
  initial: () => undefined,
  read: (reader) => codec().decode(reader.bytes(), reader.depth + 1),
  write: (writer, value) => writer.bytes(codec().encode(value as Init<Shape>)),
  isDefault: (value) => value === undefined,
  nested: codec as unknown as () => Codec<object>,
});
/** Any number of `field`'s values. */
export const repeated = <Value>(field: Field<Value>): Field<Exclude<Value, undefined>[]> => ({
  ...field,
  repeated: true,
  initial: () => [],
});
/** A scalar whose presence matters (a member of a oneof): absent is undefined, zero is written. */
export const optional = <Value>(field: Field<Value>): Field<Value | undefined> => ({
  ...field,
  initial: () => undefined,
  isDefault: (value) => value === undefined,
});
