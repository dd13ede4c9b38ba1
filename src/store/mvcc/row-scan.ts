/**
 * Reads a row of the revision table (record.ts) without making objects of it: where its parts are, and the numbers that the
 * key index wants. A range of a hundred thousand keys copies bytes from rows into its answer, and a start reads every row
 * there is; both would spend most of their time on messages that nobody looks at.
 *
 * The fields of a client's KeyValue are numbered below 16 and come first, in ascending order, so the row up to the first of
 * our own fields is, byte for byte, the KeyValue as etcd encodes it.
 */
import { WireError } from "../wire/protobuf.ts";

/** Fields with numbers from 16 on have tags of two bytes: the first of those has this bit. */
const longTag = 0x80;
/** Tags of KeyValue's fields, and of the tombstone mark (field 100), of which the second byte is 6. */
const tag = { key: 0x0a, created: 0x10, mod: 0x18, version: 0x20, value: 0x2a, lease: 0x30 } as const;
const tombstoneTag = [0xa0, 0x06] as const;

/** Use: `scan` a row, then read the fields; they stand until the next scan. */
export class RowScan {
  row: Uint8Array = new Uint8Array(0);
  keyFrom = 0;
  keyTo = 0;
  /** Where the value's field begins, with its tag, and where its bytes begin and end. Equal where there is no value. */
  valueField = 0;
  valueFrom = 0;
  valueTo = 0;
  created = 0;
  version = 0;
  /** Whether the row names a lease. */
  hasLease = false;
  /** End of what belongs to a client's KeyValue. */
  kvEnd = 0;
  deleted = false;
  #at = 0;

  get valueBytes(): number {
    return this.valueTo - this.valueFrom;
  }

  /** Throws WireError if the row is not one. */
  scan(row: Uint8Array): void {
    this.row = row;
    this.#at = 0;
    this.keyFrom = this.keyTo = 0;
    this.valueField = this.valueFrom = this.valueTo = 0;
    this.created = this.version = 0;
    this.hasLease = false;
    while (this.#at < row.length && row[this.#at]! < longTag) this.#field(row);
    this.kvEnd = this.#at;
    if (this.valueTo === 0) this.valueField = this.valueFrom = this.valueTo = this.kvEnd;
    this.deleted = row[this.#at] === tombstoneTag[0] && row[this.#at + 1] === tombstoneTag[1];
  }

  #field(row: Uint8Array): void {
    const start = this.#at++;
    switch (row[start]) {
      case tag.key:
        this.keyTo = this.#bytesEnd();
        this.keyFrom = this.#from;
        break;
      case tag.created:
        this.created = this.#varint();
        break;
      case tag.mod:
        this.#varint();
        break;
      case tag.version:
        this.version = this.#varint();
        break;
      case tag.value:
        this.valueField = start;
        this.valueTo = this.#bytesEnd();
        this.valueFrom = this.#from;
        break;
      case tag.lease:
        this.hasLease = true;
        this.#skipVarint();
        break;
      default:
        throw new WireError(`tag ${row[start]} in a stored change`, start);
    }
  }

  #from = 0;

  /** Steps over a length and its bytes; `#from` is where they begin. */
  #bytesEnd(): number {
    const length = this.#varint();
    this.#from = this.#at;
    this.#at += length;
    if (this.#at > this.row.length) throw new WireError("length goes beyond the row", this.#from);
    return this.#at;
  }

  /** A counter or a length: far below 2^53. */
  #varint(): number {
    let result = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.row[this.#at++];
      if (byte === undefined || scale > 2 ** 49) throw new WireError("varint is cut or too long", this.#at);
      result += (byte & 0x7f) * scale;
      if (byte < 0x80) return result;
    }
  }

  #skipVarint(): void {
    while ((this.row[this.#at++] ?? 0) >= 0x80);
    if (this.#at > this.row.length) throw new WireError("varint is cut", this.#at);
  }
}
