/**
 * How raft's values look in bytes, in the write-ahead log and between members alike: entry types, the configuration and
 * snapshot metadata. docs/format-wal.md describes them byte by byte.
 */
import { Index, MemberId, Term } from "../../base/ids.ts";
import type { Configuration, Entry, SnapshotMeta } from "../../raft/entry.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { ByteWriter } from "./byte-writer.ts";

const entryTypes = ["normal", "configuration", "empty"] as const;

/** term, index, type; the data follows in the way of the container. */
export const entryHeadBytes = 17;

export function writeEntryHead(writer: ByteWriter, entry: Entry): void {
  writer.u64(entry.term).u64(entry.index).u8(entryTypes.indexOf(entry.type));
}

export function readEntryHead(reader: ByteReader): Omit<Entry, "data"> {
  const term = Term(reader.u64());
  const index = Index(reader.u64());
  const type = entryTypes[reader.u8()];
  return type === undefined ? reader.fail("unknown entry type") : { term, index, type };
}

/** index, term, and three lists of member ids: voters, outgoing voters, learners. */
export function writeSnapshotMeta(writer: ByteWriter, meta: SnapshotMeta): void {
  writer.u64(meta.index).u64(meta.term);
  writeConfiguration(writer, meta.configuration);
}

export function readSnapshotMeta(reader: ByteReader): SnapshotMeta {
  const index = Index(reader.u64());
  const term = Term(reader.u64());
  return { index, term, configuration: readConfiguration(reader) };
}

export function writeConfiguration(writer: ByteWriter, configuration: Configuration): void {
  for (const list of [configuration.voters, configuration.votersOutgoing, configuration.learners]) {
    writer.u32(list.length);
    for (const id of list) writer.id(id);
  }
}

export function readConfiguration(reader: ByteReader): Configuration {
  const voters = readIds(reader);
  const votersOutgoing = readIds(reader);
  return { voters, votersOutgoing, learners: readIds(reader) };
}

function readIds(reader: ByteReader): MemberId[] {
  const ids: MemberId[] = [];
  for (let left = reader.count(8); left > 0; left--) ids.push(MemberId(reader.id()));
  return ids;
}
