/**
 * Reads one segment from its start to where its log ends, and says how it ends. Reads through a window, not the whole
 * file, so that a start does not hold 64 MiB; synchronously, because nothing else runs before the log is read.
 */
import fs from "node:fs";
import { ByteReaderError } from "../codec/byte-reader.ts";
import { parseHeader, type RecordHeader, recordBytes, recordChecksum, recordHeaderBytes } from "./record.ts";
import { readBody, type WalRecord } from "./record-body.ts";

const windowBytes = 1024 * 1024;
const zeros = Buffer.alloc(64 * 1024);

/** A record in its place; `end` is the offset behind its padding. */
export interface PlacedRecord {
  readonly record: WalRecord;
  readonly offset: number;
  readonly end: number;
  readonly checksum: number;
}

/**
 * Where the log of a segment ends. `damage` says what stands there when it is not clean zeros; `durableAfter` is the
 * offset of an intact later write behind the damage, which proves that the damaged bytes had been durable.
 */
export interface SegmentEnd {
  readonly offset: number;
  readonly checksum: number;
  readonly damage: string | null;
  readonly durableAfter: number | null;
}

export class SegmentReader {
  readonly #descriptor: number;
  readonly #sequence: number;
  readonly size: number;
  #memory = Buffer.alloc(0);
  #window = Buffer.alloc(0);
  #windowAt = 0;

  /** `sequence` is that of the file's name; what was written for another segment is not intact in this one. */
  constructor(path: string, sequence: number) {
    this.#sequence = sequence;
    this.#descriptor = fs.openSync(path, "r");
    this.size = fs.fstatSync(this.#descriptor).size;
  }

  close(): void {
    fs.closeSync(this.#descriptor);
  }

  /**
   * Yields every intact record and returns how the segment ends. `previous` is the checksum that the first record must
   * continue, null to take what it says.
   */
  *records(previous: number | null): Generator<PlacedRecord, SegmentEnd> {
    let checksum = previous;
    let offset = 0;
    for (;;) {
      const found = this.#recordAt(offset, checksum);
      if (typeof found === "string" || found === null) {
        const damage =
          found ?? (this.#firstNonZero(offset) === null ? null : "bytes behind the end of the log");
        const durableAfter = damage === null ? null : this.#laterWrite(offset);
        return { offset, checksum: checksum ?? 0, damage, durableAfter };
      }
      yield found;
      checksum = found.checksum;
      offset = found.end;
    }
  }

  /** The record at `offset`, null where the log ends, or what is wrong. */
  #recordAt(offset: number, previous: number | null): PlacedRecord | null | string {
    const head = this.#bytes(offset, recordHeaderBytes);
    if (head === null) return this.#firstNonZero(offset) === null ? null : "the file ends inside a record";
    if (head.readUInt32LE(0) === 0) return null;
    const header = parseHeader(head);
    if (header === null) return "not a record header";
    if (previous !== null && header.previous !== previous)
      return "the record does not follow the one before it";
    const end = offset + recordBytes(header.length);
    const bytes = this.#bytes(offset, end - offset);
    if (bytes === null) return "the file ends inside a record";
    const problem = this.#wrongRecord(bytes, header, offset);
    if (problem !== null) return problem;
    try {
      const body = bytes.subarray(recordHeaderBytes, recordHeaderBytes + header.length);
      return { record: readBody(header.type, body), offset, end, checksum: header.checksum };
    } catch (error) {
      if (error instanceof ByteReaderError) return error.message;
      throw error;
    }
  }

  /** The first intact record behind `offset` that begins a write, if any. Records start at multiples of 8. */
  #laterWrite(offset: number): number | null {
    for (let at = this.#wordBehind(offset); at !== null; at = this.#wordBehind(at)) {
      const head = this.#bytes(at, recordHeaderBytes);
      if (head === null) return null;
      const header = parseHeader(head);
      if (!header?.begin) continue;
      const bytes = this.#bytes(at, recordBytes(header.length));
      if (bytes !== null && this.#wrongRecord(bytes, header, at) === null) return at;
    }
    return null;
  }

  #wrongRecord(bytes: Buffer, header: RecordHeader, offset: number): string | null {
    const checksum = recordChecksum(bytes, header.length, { sequence: this.#sequence, offset });
    if (checksum !== header.checksum) return "the checksum does not match";
    for (let at = recordHeaderBytes + header.length; at < bytes.length; at++) {
      if (bytes[at] !== 0) return "the padding is not zero";
    }
    return null;
  }

  /** The first multiple of 8 behind `offset` (itself one) at which not all eight bytes are zero. */
  #wordBehind(offset: number): number | null {
    const at = this.#firstNonZero(offset + 8);
    return at === null ? null : at - (at % 8);
  }

  #firstNonZero(from: number): number | null {
    for (let at = from; at < this.size; at += zeros.length) {
      const bytes = this.#bytes(at, Math.min(zeros.length, this.size - at))!;
      // memcmp first: a start looks at up to 64 MiB of zeros here.
      if (bytes.equals(zeros.subarray(0, bytes.length))) continue;
      return at + bytes.findIndex((byte) => byte !== 0);
    }
    return null;
  }

  /** A view of the file, valid until the next call; null if it reaches behind the end. */
  #bytes(offset: number, length: number): Buffer | null {
    if (length > this.size - offset) return null;
    const inWindow = offset >= this.#windowAt && offset + length <= this.#windowAt + this.#window.length;
    if (!inWindow) this.#load(offset, length);
    const start = offset - this.#windowAt;
    return this.#window.subarray(start, start + length);
  }

  #load(offset: number, length: number): void {
    const wanted = Math.min(Math.max(windowBytes, length), this.size - offset);
    if (this.#memory.length < wanted) this.#memory = Buffer.allocUnsafe(wanted);
    let filled = 0;
    while (filled < wanted) {
      const count = fs.readSync(this.#descriptor, this.#memory, filled, wanted - filled, offset + filled);
      if (count === 0) break;
      filled += count;
    }
    this.#window = this.#memory.subarray(0, wanted).fill(0, filled);
    this.#windowAt = offset;
  }
}
