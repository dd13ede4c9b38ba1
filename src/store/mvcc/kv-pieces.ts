/**
 * The `kvs` of a range answer, encoded while they are read: pieces of a RangeResponse in a row of buffers, which together are
 * never one. Bytes go from the stored row into the piece, and no message is made of them on the way.
 */
import { asBuffer } from "../../base/bytes.ts";
import { KeyValue } from "../wire/messages.ts";
import type { RowScan } from "./row-scan.ts";

/** Tag of RangeResponse.kvs: field 2, length-delimited. */
const kvsTag = 0x12;
/** Tag and a length of five bytes. */
const headBytesMax = 6;
/** Large enough that few pieces are made, small enough that making one costs nothing to speak of. */
const pieceBytes = 64 * 1024;

export class KvPieces {
  readonly #done: Uint8Array[] = [];
  #piece: Buffer = Buffer.allocUnsafe(0);
  #at = 0;

  /** Adds the KeyValue of a scanned row, without its value if only keys are wanted. Returns the bytes it took. */
  addRow(scan: RowScan, keysOnly: boolean): number {
    if (!keysOnly) return this.#add(scan.row, 0, scan.kvEnd, scan.row, 0, 0);
    return this.#add(scan.row, 0, scan.valueField, scan.row, scan.valueTo, scan.kvEnd);
  }

  add(kv: KeyValue): number {
    const bytes = KeyValue.encode(kv);
    return this.#add(bytes, 0, bytes.length, bytes, 0, 0);
  }

  /** All pieces; it must not be used any more. */
  finish(): Uint8Array[] {
    this.#close();
    return this.#done;
  }

  /** Two parts of one message. */
  #add(a: Uint8Array, aFrom: number, aTo: number, b: Uint8Array, bFrom: number, bTo: number): number {
    const length = aTo - aFrom + bTo - bFrom;
    if (this.#at + headBytesMax + length > this.#piece.length) {
      this.#close();
      this.#piece = Buffer.allocUnsafe(Math.max(pieceBytes, headBytesMax + length));
    }
    this.#piece[this.#at++] = kvsTag;
    let rest = length;
    for (; rest > 0x7f; rest >>>= 7) this.#piece[this.#at++] = (rest & 0x7f) | 0x80;
    this.#piece[this.#at++] = rest;
    this.#at += asBuffer(a).copy(this.#piece, this.#at, aFrom, aTo);
    this.#at += asBuffer(b).copy(this.#piece, this.#at, bFrom, bTo);
    return length;
  }

  #close(): void {
    if (this.#at > 0) this.#done.push(this.#piece.subarray(0, this.#at));
    this.#at = 0;
  }
}
