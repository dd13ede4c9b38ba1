/**
 * Writes little-endian fields into one growing buffer: the records of the write-ahead log and the frames between members.
 * Give it the expected size and it allocates once.
 */
import { assert } from "../../base/assert.ts";
import { asBuffer } from "../../base/bytes.ts";

const twoTo32 = 0x1_0000_0000;

export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(capacity);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  get capacity(): number {
    return this.#buffer.length;
  }

  /** Starts again at zero; what `view` returned before is overwritten. */
  reset(): void {
    this.#length = 0;
  }

  /** What was written, without copying: valid until the next write or reset. */
  view(from = 0, to = this.#length): Buffer {
    return this.#buffer.subarray(from, to);
  }

  u8(value: number): this {
    const at = this.#take(1);
    this.#buffer[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#take(2);
    this.#buffer.writeUInt16LE(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#take(4);
    this.#buffer.writeUInt32LE(value, at);
    return this;
  }

  /** A count that is known to be a safe integer, in eight bytes. */
  u64(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0, "a count must be a safe integer, not negative");
    const at = this.#take(8);
    this.#buffer.writeUInt32LE(value % twoTo32, at);
    this.#buffer.writeUInt32LE(Math.floor(value / twoTo32), at + 4);
    return this;
  }

  /** An id that uses all its 64 bits. */
  id(value: bigint): this {
    const at = this.#take(8);
    this.#buffer.writeBigUInt64LE(value, at);
    return this;
  }

  /** The bytes alone, without a length. */
  raw(bytes: Uint8Array): this {
    const at = this.#take(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }

  /** A 32-bit length and the bytes. */
  bytes(bytes: Uint8Array): this {
    return this.u32(bytes.length).raw(bytes);
  }

  /** A 32-bit length in bytes and the UTF-8 text. */
  text(text: string): this {
    return this.bytes(Buffer.from(text, "utf8"));
  }

  zeros(count: number): this {
    const at = this.#take(count);
    this.#buffer.fill(0, at, at + count);
    return this;
  }

  /** Overwrites four bytes that were written before. */
  patchU32(at: number, value: number): void {
    assert(at + 4 <= this.#length, "a patch lies inside what was written");
    this.#buffer.writeUInt32LE(value, at);
  }

  #take(count: number): number {
    const at = this.#length;
    const end = at + count;
    if (end > this.#buffer.length) {
      const grown = Buffer.allocUnsafe(Math.max(end, this.#buffer.length * 2));
      asBuffer(this.#buffer).copy(grown, 0, 0, at);
      this.#buffer = grown;
    }
    this.#length = end;
    return at;
  }
}
