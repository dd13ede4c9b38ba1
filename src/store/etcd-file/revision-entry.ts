/**
 * A row of history as etcd keeps it in the bucket `key`: the key is the revision, main and sub, with `t` behind it for a
 * deletion; the value is the KeyValue, of a deletion only its key. Our rows are etcd's KeyValue with fields behind it
 * (mvcc/record.ts), so nothing is decoded: the value is the front part of the row.
 */
import { RowError } from "../errors.ts";
import { revisionKeyBytes } from "../tables.ts";

/** Numbers from here on are ours. */
const ownFieldsFrom = 100;
const tombstoneField = 100;
const separator = 0x5f;
const tombstoneMark = 0x74;
/** Of etcd's key: main, separator, sub; a deletion has one more. */
const etcdKeyBytes = 17;

/** Throws RowError if the row is not one of ours. The value is a view into `row`. */
export function revisionEntry(key: Uint8Array, row: Uint8Array): [key: Uint8Array, value: Uint8Array] {
  const { keyEnd, valueEnd, tombstone } = divide(key, row);
  const etcdKey = Buffer.allocUnsafe(tombstone ? etcdKeyBytes + 1 : etcdKeyBytes);
  etcdKey.set(key.subarray(1, 9), 0);
  etcdKey[8] = separator;
  etcdKey.set(key.subarray(9, revisionKeyBytes), 9);
  if (tombstone) etcdKey[etcdKeyBytes] = tombstoneMark;
  return [etcdKey, row.subarray(0, tombstone ? keyEnd : valueEnd)];
}

/** Where the key field ends, where etcd's fields end, and whether it is a deletion. */
function divide(key: Uint8Array, row: Uint8Array): { keyEnd: number; valueEnd: number; tombstone: boolean } {
  const fields = new Fields(row);
  let keyEnd = 0;
  let valueEnd = 0;
  let tombstone = false;
  while (fields.next()) {
    if (fields.number === 1) keyEnd = fields.end;
    if (fields.number < ownFieldsFrom) valueEnd = fields.end;
    else if (fields.number === tombstoneField) tombstone = row[fields.end - 1] === 1;
  }
  if (fields.whole && key.length === revisionKeyBytes && keyEnd > 0) return { keyEnd, valueEnd, tombstone };
  throw new RowError(Buffer.from(key).toString("hex"), "is no change of a key");
}

/** Walks over the fields of a message in ascending order, reading no more than where each ends. */
class Fields {
  readonly #row: Uint8Array;
  number = 0;
  end = 0;
  /** False once something could not be read. */
  whole = true;

  constructor(row: Uint8Array) {
    this.#row = row;
  }

  next(): boolean {
    if (this.end >= this.#row.length) return false;
    const before = this.number;
    const tag = this.#varint();
    this.number = tag >>> 3;
    const wireType = tag & 7;
    if (wireType === 0) this.#varint();
    else if (wireType === 2) {
      // In two steps: reading the length moves `end`.
      const length = this.#varint();
      this.end += length;
    } else this.whole = false;
    if (this.number <= before || this.end > this.#row.length) this.whole = false;
    return this.whole;
  }

  /** Bits above 32 are of no interest here. */
  #varint(): number {
    let value = 0;
    for (let shift = 0; this.end < this.#row.length; shift += 7) {
      const byte = this.#row[this.end++]!;
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    this.whole = false;
    return 0;
  }
}
