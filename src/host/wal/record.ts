/**
 * One record of the write-ahead log: a 16-byte header, the body, zeros up to the next multiple of 8.
 *
 *     0  u32 length    of the body; 0 means that the log ends here
 *     4  u32 previous  checksum of the record before this one, also across files
 *     8  u8  type   9 u8 flags   10 u16 zero
 *    12  u32 checksum  CRC-32C of its place, bytes 0..11 and the body
 *
 * A record can be checked alone (checksum) and in its chain (previous). That is what tells a torn last write, which may
 * be cut, from damage in front of records that were acknowledged, which may not: see segment-reader.ts. The place is in the
 * checksum because a client may store bytes that look like a record, a copy of one for example: they are none where they lie.
 */

import { crc32c } from "../../base/crc32c.ts";
import { ByteWriter } from "../codec/byte-writer.ts";

export const recordHeaderBytes = 16;
const placeBytes = 16;

/** The numbers are the format. */
export const recordTypes = { metadata: 1, entry: 2, hardState: 3, snapshot: 4, seal: 5 } as const;
export type RecordType = (typeof recordTypes)[keyof typeof recordTypes];
const recordTypeMax = 5;

/** Set on the first record of every write: all writes before it were durable when it was made. */
export const flagBegin = 1;

/** Where a record stands: the sequence of its segment, and its offset there in bytes. */
export interface RecordPlace {
  readonly sequence: number;
  readonly offset: number;
}

export interface RecordHeader {
  readonly length: number;
  readonly previous: number;
  readonly type: RecordType;
  readonly begin: boolean;
  readonly checksum: number;
}

/** Bytes a record with a body of `length` bytes takes in the file. */
export function recordBytes(length: number): number {
  return (recordHeaderBytes + length + 7) & ~7;
}

/** The header at the start of `bytes`, or null if these cannot be one. Does not look at the body. */
export function parseHeader(bytes: Buffer): RecordHeader | null {
  const length = bytes.readUInt32LE(0);
  const type = bytes[8]!;
  const flags = bytes[9]!;
  if (length === 0 || type === 0 || type > recordTypeMax || flags > flagBegin) return null;
  if (bytes[10] !== 0 || bytes[11] !== 0) return null;
  return {
    length,
    previous: bytes.readUInt32LE(4),
    type: type as RecordType,
    begin: flags === flagBegin,
    checksum: bytes.readUInt32LE(12),
  };
}

/** The checksum that the record `bytes` (header, body, perhaps padding) should carry at `place`. */
export function recordChecksum(bytes: Buffer, length: number, place: RecordPlace): number {
  const where = new ByteWriter(placeBytes).u64(place.sequence).u64(place.offset).view();
  const head = crc32c(crc32c(0, where), bytes.subarray(0, 12));
  return crc32c(head, bytes.subarray(recordHeaderBytes, recordHeaderBytes + length));
}

/**
 * Appends a record to `writer`; `writeBody` writes the body behind the header. Returns its checksum, which is `previous`
 * of the next record. `writer` must stand at a multiple of 8.
 */
export function writeRecord(
  writer: ByteWriter,
  head: {
    readonly type: RecordType;
    readonly begin: boolean;
    readonly previous: number;
    readonly place: RecordPlace;
  },
  writeBody: (writer: ByteWriter) => void,
): number {
  const start = writer.length;
  writer
    .u32(0)
    .u32(head.previous)
    .u8(head.type)
    .u8(head.begin ? flagBegin : 0)
    .u16(0)
    .u32(0);
  writeBody(writer);
  const length = writer.length - start - recordHeaderBytes;
  writer.patchU32(start, length);
  const checksum = recordChecksum(writer.view(start), length, head.place);
  writer.patchU32(start + 12, checksum);
  writer.zeros(recordBytes(length) - recordHeaderBytes - length);
  return checksum;
}
