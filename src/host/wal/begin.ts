/** How a log and each of its segments begin. */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errnoOf } from "../../base/errors.ts";
import { Index } from "../../base/ids.ts";
import type { HardState, SnapshotMeta } from "../../raft/entry.ts";
import { syncDirectory, writeZeros } from "./disk.ts";
import { RecordBatch } from "./record-batch.ts";
import { formatVersion, type WalMetadata, type WalRecord } from "./record-body.ts";
import { type Recovered, recover } from "./recovery.ts";
import type { WalState } from "./replay.ts";
import type { SegmentName } from "./segment-name.ts";
import { nameSegment } from "./segment-writer.ts";

/** The three records that every segment begins with: whose it is, and the state as it stands. */
export function headOf(
  name: SegmentName,
  metadata: WalMetadata,
  hardState: HardState,
  snapshot: SnapshotMeta,
): WalRecord[] {
  return [
    { type: "metadata", version: formatVersion, sequence: name.sequence, of: metadata },
    { type: "hard-state", hardState },
    { type: "snapshot", meta: snapshot },
  ];
}

/** Makes the log's directory, durably. Its parent exists. */
export async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 });
    await syncDirectory(dirname(directory));
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
}

/** Makes the first segment of a new log, of `bytes`, and reads it back. */
export async function beginLog(
  options: { readonly directory: string; readonly metadata: WalMetadata; readonly bytes: number },
  empty: WalState,
): Promise<Recovered> {
  const { directory, metadata } = options;
  const name = { sequence: 0, firstIndex: Index(1) };
  const temporary = join(directory, "first.tmp");
  await writeZeros(temporary, 0, options.bytes, () => false);
  const head = new RecordBatch(0).encode(headOf(name, metadata, empty.hardState, empty.snapshot), {
    sequence: name.sequence,
    offset: 0,
  });
  await nameSegment(directory, temporary, name, head);
  return recover(directory, metadata);
}
