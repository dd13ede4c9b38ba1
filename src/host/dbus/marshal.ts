/** Values to bytes and back (D-Bus specification, "Marshaling"). We write little endian and read both. */
import { assert } from "../../base/assert.ts";
import { DbusError } from "./errors.ts";
import {
  alignmentOf,
  type BasicCode,
  type DbusType,
  type DbusValue,
  parseSignature,
  typesOf,
  Variant,
} from "./type.ts";

/** Appends values; grows as needed. Offsets count from the start of the message, because alignment does. */
export class Marshaller {
  #buffer = Buffer.alloc(256);
  #at = 0;

  get length(): number {
    return this.#at;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  align(to: number): void {
    const rest = this.#at % to;
    if (rest) this.#reserve(to - rest);
  }

  /** Appends the bytes as they are. */
  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#buffer.set(bytes, at);
  }

  values(types: readonly DbusType[], values: readonly DbusValue[]): void {
    assert(types.length === values.length, "as many values as the signature names");
    for (let i = 0; i < types.length; i++) this.value(types[i]!, values[i]!);
  }

  value(type: DbusType, value: DbusValue): void {
    this.align(alignmentOf(type));
    switch (type.kind) {
      case "basic":
        this.#basic(type.code, value);
        return;
      case "variant":
        assert(value instanceof Variant, "a variant is given as Variant");
        this.#basic("g", value.signature);
        this.value(typesOf(value.signature)[0]!, value.value);
        return;
      case "struct":
        this.values(type.fields, value as readonly DbusValue[]);
        return;
      case "array": {
        const lengthAt = this.#reserve(4);
        this.align(alignmentOf(type.of));
        const start = this.#at;
        for (const item of value as readonly DbusValue[]) this.value(type.of, item);
        this.#buffer.writeUInt32LE(this.#at - start, lengthAt);
      }
    }
  }

  #basic(code: BasicCode, value: DbusValue): void {
    switch (code) {
      case "y":
        this.#reserve(1);
        this.#buffer.writeUInt8(value as number, this.#at - 1);
        return;
      case "n":
        this.#buffer.writeInt16LE(value as number, this.#reserve(2));
        return;
      case "q":
        this.#buffer.writeUInt16LE(value as number, this.#reserve(2));
        return;
      case "b":
        this.#buffer.writeUInt32LE(value ? 1 : 0, this.#reserve(4));
        return;
      case "i":
        this.#buffer.writeInt32LE(value as number, this.#reserve(4));
        return;
      case "u":
      case "h":
        this.#buffer.writeUInt32LE(value as number, this.#reserve(4));
        return;
      case "x":
        this.#buffer.writeBigInt64LE(value as bigint, this.#reserve(8));
        return;
      case "t":
        this.#buffer.writeBigUInt64LE(value as bigint, this.#reserve(8));
        return;
      case "d":
        this.#buffer.writeDoubleLE(value as number, this.#reserve(8));
        return;
      case "g":
        this.#text(value as string, 1);
        return;
      default:
        this.#text(value as string, 4);
    }
  }

  #text(text: string, lengthBytes: 1 | 4): void {
    const bytes = Buffer.from(text, "utf8");
    const at = this.#reserve(lengthBytes + bytes.length + 1);
    this.#buffer.writeUIntLE(bytes.length, at, lengthBytes);
    this.#buffer.set(bytes, at + lengthBytes);
  }

  /** Makes room, zeroed, and returns where it starts. */
  #reserve(size: number): number {
    const at = this.#at;
    if (at + size > this.#buffer.length) {
      const grown = Buffer.alloc(Math.max(this.#buffer.length * 2, at + size));
      this.#buffer.copy(grown, 0, 0, at);
      this.#buffer = grown;
    }
    this.#at = at + size;
    return at;
  }
}

/** Reads values from one message; everything is bounds-checked and throws `dbus.malformed`. */
export class Unmarshaller {
  readonly #bytes: Buffer;
  readonly #little: boolean;
  #at: number;

  constructor(bytes: Buffer, littleEndian: boolean, at = 0) {
    this.#bytes = bytes;
    this.#little = littleEndian;
    this.#at = at;
  }

  align(to: number): void {
    const rest = this.#at % to;
    if (rest) this.#take(to - rest);
  }

  values(types: readonly DbusType[]): DbusValue[] {
    return types.map((type) => this.value(type));
  }

  value(type: DbusType): DbusValue {
    this.align(alignmentOf(type));
    switch (type.kind) {
      case "basic":
        return this.#basic(type.code);
      case "variant": {
        const signature = this.#basic("g") as string;
        const types = parseSignature(signature);
        if (types?.length !== 1) throw malformed("variant with a bad signature");
        return new Variant(signature, this.value(types[0]!));
      }
      case "struct":
        return this.values(type.fields);
      case "array": {
        const length = this.#basic("u") as number;
        this.align(alignmentOf(type.of));
        const end = this.#at + length;
        if (end > this.#bytes.length) throw malformed("array beyond the message");
        const items: DbusValue[] = [];
        while (this.#at < end) items.push(this.value(type.of));
        return items;
      }
    }
  }

  #basic(code: BasicCode): DbusValue {
    const b = this.#bytes;
    const le = this.#little;
    switch (code) {
      case "y":
        return b.readUInt8(this.#take(1));
      case "n":
        return le ? b.readInt16LE(this.#take(2)) : b.readInt16BE(this.#take(2));
      case "q":
        return le ? b.readUInt16LE(this.#take(2)) : b.readUInt16BE(this.#take(2));
      case "b":
        return this.#uint32() !== 0;
      case "i":
        return this.#uint32() | 0;
      case "u":
      case "h":
        return this.#uint32();
      case "x":
        return le ? b.readBigInt64LE(this.#take(8)) : b.readBigInt64BE(this.#take(8));
      case "t":
        return le ? b.readBigUInt64LE(this.#take(8)) : b.readBigUInt64BE(this.#take(8));
      case "d":
        return le ? b.readDoubleLE(this.#take(8)) : b.readDoubleBE(this.#take(8));
      case "g":
        return this.#text(b.readUInt8(this.#take(1)));
      default:
        return this.#text(this.#uint32());
    }
  }

  #uint32(): number {
    const at = this.#take(4);
    return this.#little ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt32BE(at);
  }

  #text(length: number): string {
    const at = this.#take(length + 1);
    return this.#bytes.toString("utf8", at, at + length);
  }

  #take(size: number): number {
    const at = this.#at;
    if (at + size > this.#bytes.length) throw malformed("value beyond the message");
    this.#at = at + size;
    return at;
  }
}

function malformed(what: string): DbusError {
  return new DbusError(`malformed D-Bus message: ${what}`, { code: "dbus.malformed" });
}
