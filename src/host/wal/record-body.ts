/** What is inside the records of the write-ahead log, by type. docs/format-wal.md is the same in words. */
import { assertNever } from "../../base/assert.ts";
import { ClusterId, Index, MemberId, Term } from "../../base/ids.ts";
import type { Entry, HardState, SnapshotMeta } from "../../raft/entry.ts";
import { ByteReader } from "../codec/byte-reader.ts";
import type { ByteWriter } from "../codec/byte-writer.ts";
import {
  entryHeadBytes,
  readEntryHead,
  readSnapshotMeta,
  writeEntryHead,
  writeSnapshotMeta,
} from "../codec/raft-values.ts";
import { type RecordType, recordBytes, recordTypes } from "./record.ts";

/** Version of the format that this release writes, and the newest that it reads. */
export const formatVersion = 1;

/** Whose log this is. */
export interface WalMetadata {
  readonly clusterId: ClusterId;
  readonly memberId: MemberId;
}

export type WalRecord =
  /** The first record of every segment. `sequence` is that of the file's name. */
  | {
      readonly type: "metadata";
      readonly version: number;
      readonly sequence: number;
      readonly of: WalMetadata;
    }
  | { readonly type: "entry"; readonly entry: Entry }
  | { readonly type: "hard-state"; readonly hardState: HardState }
  | { readonly type: "snapshot"; readonly meta: SnapshotMeta }
  /** The last record of every segment but the last: the segment `next` exists. */
  | { readonly type: "seal"; readonly next: number };

/** The bytes that the record of `entry` takes in the file. */
export function entryRecordBytes(entry: Entry): number {
  return recordBytes(entryHeadBytes + entry.data.length);
}

export function recordTypeOf(record: WalRecord): RecordType {
  return record.type === "hard-state" ? recordTypes.hardState : recordTypes[record.type];
}

export function writeBody(writer: ByteWriter, record: WalRecord): void {
  switch (record.type) {
    case "metadata":
      writer.u32(record.version).u64(record.sequence).id(record.of.clusterId).id(record.of.memberId);
      return;
    case "entry":
      writeEntryHead(writer, record.entry);
      writer.raw(record.entry.data);
      return;
    case "hard-state": {
      const { term, vote, commit } = record.hardState;
      writer
        .u64(term)
        .id(vote ?? 0n)
        .u64(commit);
      return;
    }
    case "snapshot":
      writeSnapshotMeta(writer, record.meta);
      return;
    case "seal":
      writer.u64(record.next);
      return;
    default:
      assertNever(record);
  }
}

/** Throws ByteReaderError if `body` is not one of this type. The entry's data is copied out of `body`. */
export function readBody(type: RecordType, body: Buffer): WalRecord {
  const reader = new ByteReader(body);
  const record = read(type, reader);
  reader.end();
  return record;
}

function read(type: RecordType, reader: ByteReader): WalRecord {
  switch (type) {
    case recordTypes.metadata: {
      const version = reader.u32();
      const sequence = reader.u64();
      const of = { clusterId: ClusterId(reader.id()), memberId: MemberId(reader.id()) };
      // A later version may say more here; the caller refuses it by its number.
      if (version > formatVersion) reader.rest();
      return { type: "metadata", version, sequence, of };
    }
    case recordTypes.entry: {
      const head = readEntryHead(reader);
      return { type: "entry", entry: { ...head, data: Buffer.from(reader.rest()) } };
    }
    case recordTypes.hardState: {
      const term = Term(reader.u64());
      const vote = reader.id();
      const commit = Index(reader.u64());
      return {
        type: "hard-state",
        hardState: { term, vote: vote === 0n ? null : MemberId(vote), commit },
      };
    }
    case recordTypes.snapshot:
      return { type: "snapshot", meta: readSnapshotMeta(reader) };
    case recordTypes.seal:
      return { type: "seal", next: reader.u64() };
    default:
      return assertNever(type);
  }
}
