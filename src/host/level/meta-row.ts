/**
 * The one row of our own in the database: key 0x00, in front of every row of the store (store/tables.ts leaves 0x00 and
 * 0xff to us). It is written in the same batch as the rows that it speaks of, so it is never ahead of or behind them.
 *
 *     u32 format version | u64 applied index | u8 1 if the rows came as a snapshot, then its metadata
 */
import { Index } from "../../base/ids.ts";
import type { SnapshotMeta } from "../../raft/entry.ts";
import { ByteReader } from "../codec/byte-reader.ts";
import { ByteWriter } from "../codec/byte-writer.ts";
import { readSnapshotMeta, writeSnapshotMeta } from "../codec/raft-values.ts";

export const metaKey: Buffer = Buffer.from([0]);

/** Rows of the store are in here: behind the meta row, in front of 0xff. */
export const storeRange = { gt: metaKey, lt: Buffer.from([0xff]) };

const version = 1;

export interface MetaRow {
  readonly version: number;
  /** The last raft entry whose effect is in the rows. */
  readonly appliedIndex: Index;
  /** What the rows were received with, if they came from another member. */
  readonly received: SnapshotMeta | null;
}

export function encodeMetaRow(appliedIndex: Index, received: SnapshotMeta | null): Buffer {
  const writer = new ByteWriter()
    .u32(version)
    .u64(appliedIndex)
    .u8(received ? 1 : 0);
  if (received) writeSnapshotMeta(writer, received);
  return writer.view();
}

/** Throws ByteReaderError on damage. A newer version is returned with nothing but its number. */
export function decodeMetaRow(bytes: Uint8Array): MetaRow {
  const reader = new ByteReader(bytes);
  const found = reader.u32();
  if (found !== version) return { version: found, appliedIndex: Index(0), received: null };
  const appliedIndex = Index(reader.u64());
  const received = reader.boolean() ? readSnapshotMeta(reader) : null;
  reader.end();
  return { version, appliedIndex, received };
}

export const metaRowVersion: number = version;
