/**
 * Bytes: comparison, and the latin1 form in which keys live in memory. A latin1 string holds one byte per character,
 * compares bytewise with `<`, and is a Map and B-tree key without wrapping.
 */

export const emptyBytes: Uint8Array = new Uint8Array(0);

/** A view of `bytes` as a Buffer, without copying. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The latin1 string with the same bytes. */
export function toLatin1(bytes: Uint8Array): string {
  return asBuffer(bytes).toString("latin1");
}

/** The bytes of a latin1 string. */
export function fromLatin1(text: string): Buffer {
  return Buffer.from(text, "latin1");
}

/** UTF-8 in both directions. */
export const utf8 = {
  encode: (text: string): Buffer => Buffer.from(text, "utf8"),
  decode: (bytes: Uint8Array): string => asBuffer(bytes).toString("utf8"),
};

/** Unsigned bytewise order: negative, zero or positive. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  return Buffer.compare(left, right);
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && Buffer.compare(left, right) === 0;
}

/** The first key after all keys that start with `prefix`: etcd.md 4.2. All 0xff, or empty, gives one zero byte ("no end"). */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  for (let i = prefix.length - 1; i >= 0; i--) {
    if (prefix[i]! < 0xff) {
      const end = Buffer.from(prefix.subarray(0, i + 1));
      end[i]! += 1;
      return end;
    }
  }
  return Buffer.from([0]);
}
