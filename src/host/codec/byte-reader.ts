/**
 * Reads what ByteWriter wrote, from bytes that may be damaged. Every read is checked against the end; a failure throws
 * ByteReaderError, which each codec turns into its own error, so that it never leaves a codec.
 */

const twoTo32 = 0x1_0000_0000;

/** The bytes cannot be what they should be; `offset` is where. Caught by every codec. */
export class ByteReaderError extends Error {
  override readonly name = "ByteReaderError";
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#take(2));
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  /** A count: refuses what is not a safe integer. */
  u64(): number {
    const at = this.#take(8);
    const value = this.#bytes.readUInt32LE(at) + this.#bytes.readUInt32LE(at + 4) * twoTo32;
    if (value > Number.MAX_SAFE_INTEGER) this.fail("a count is too large");
    return value;
  }

  id(): bigint {
    return this.#bytes.readBigUInt64LE(this.#take(8));
  }

  /** The next `length` bytes: a view, not a copy. */
  raw(length: number): Buffer {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A 32-bit length and that many bytes: a view, not a copy. */
  bytes(): Buffer {
    return this.raw(this.u32());
  }

  text(): string {
    return this.bytes().toString("utf8");
  }

  boolean(): boolean {
    const value = this.u8();
    if (value > 1) this.fail("a flag is neither 0 nor 1");
    return value === 1;
  }

  /** A count of items that take at least `itemBytes` each: refuses one that the rest cannot hold. */
  count(itemBytes: number): number {
    const count = this.u32();
    if (count * itemBytes > this.remaining) this.fail("a list is longer than its frame");
    return count;
  }

  /** The rest, as a view. */
  rest(): Buffer {
    return this.raw(this.remaining);
  }

  /** Refuses bytes after the last field. */
  end(): void {
    if (this.remaining !== 0) this.fail("bytes are left over");
  }

  fail(message: string): never {
    throw new ByteReaderError(message, this.#at);
  }

  #take(count: number): number {
    if (count > this.remaining) this.fail("the bytes end too early");
    const at = this.#at;
    this.#at += count;
    return at;
  }
}
