/**
 * Reads a log directory and says what was durable. A torn last write, which nobody was told about, is cut and a copy of
 * the file kept; every other damage refuses to start and changes nothing, because a member that forgets what it had
 * acknowledged can lose a cluster's data.
 */
import { constants } from "node:fs";
import { copyFile, readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../../base/errors.ts";
import { hex } from "../../base/ids.ts";
import { syncDirectory, writeZeros } from "./disk.ts";
import { WalError } from "./errors.ts";
import { formatVersion, type WalMetadata } from "./record-body.ts";
import { Replay, type WalState } from "./replay.ts";
import { parseSegmentFile, type SegmentName, segmentFile } from "./segment-name.ts";
import { type PlacedRecord, type SegmentEnd, SegmentReader } from "./segment-reader.ts";

/** What was cut off. `copy` is the file as it was found. */
export interface Repair {
  readonly path: string;
  readonly offset: number;
  readonly reason: string;
  readonly copy: string;
}

/** The state, and where the next record goes. `segments` is empty for a directory without a log. */
export interface Recovered {
  readonly state: WalState;
  readonly segments: SegmentName[];
  readonly offset: number;
  readonly checksum: number;
  readonly repaired: Repair | null;
}

const headRecords = 3;

/** Throws WalError. Files it may change: leftovers of a rotation that did not finish, and a torn last segment. */
export async function recover(directory: string, metadata: WalMetadata): Promise<Recovered> {
  const segments = await listSegments(directory);
  const replay = new Replay();
  // The very first record continues nothing; in front of a later segment others have been released.
  let previous = segments[0]?.sequence === 0 ? 0 : null;
  let end: SegmentEnd = { offset: 0, checksum: 0, damage: null, durableAfter: null };
  for (let i = 0; i < segments.length; i++) {
    const path = join(directory, segmentFile(segments[i]!));
    checkSequence(segments, i, path);
    const scan = readSegment(path, segments[i]!, { previous, metadata, replay });
    end = scan.end;
    const last = i === segments.length - 1;
    if (scan.sealed) {
      if (end.damage !== null) throw corrupt(path, end.offset, end.damage);
      if (last) throw corrupt(path, end.offset, "the segment that follows it is missing");
    } else {
      if (!last && !(i === segments.length - 2 && headOnly(directory, segments[i + 1]!, metadata))) {
        throw corrupt(path, end.offset, end.damage ?? "the end of the segment is missing");
      }
      if (end.durableAfter !== null) throw corrupt(path, end.offset, end.damage ?? "damage");
      // The rotation made the next file but died before it sealed this one: nothing was ever written to the next.
      segments.length = i + 1;
    }
    previous = end.checksum;
  }
  const gap = replay.gap();
  if (gap !== null) throw corrupt(join(directory, segmentFile(segments[0]!)), 0, gap);
  await removeLeftovers(directory, segments);
  const repaired = end.damage === null ? null : await repair(directory, segments.at(-1)!, end);
  return { state: replay.state(), segments, offset: end.offset, checksum: end.checksum, repaired };
}

/** Whether there is a log to recover. Changes nothing; the directory need not exist. */
export async function holdsLog(directory: string): Promise<boolean> {
  try {
    return (await listSegments(directory)).length > 0;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** The segments by sequence. */
export async function listSegments(directory: string): Promise<SegmentName[]> {
  const names = (await readdir(directory)).map(parseSegmentFile).filter((name) => name !== null);
  return names.sort((left, right) => left.sequence - right.sequence);
}

function checkSequence(segments: readonly SegmentName[], i: number, path: string): void {
  if (i > 0 && segments[i]!.sequence !== segments[i - 1]!.sequence + 1) {
    throw corrupt(path, 0, `segment ${segments[i - 1]!.sequence + 1} in front of it is missing`);
  }
}

interface Reading {
  readonly previous: number | null;
  readonly metadata: WalMetadata;
  readonly replay: Replay;
}

function readSegment(
  path: string,
  name: SegmentName,
  reading: Reading,
): { end: SegmentEnd; sealed: boolean } {
  const reader = new SegmentReader(path, name.sequence);
  try {
    const records = reader.records(reading.previous);
    let sealed = false;
    let count = 0;
    for (let step = records.next(); ; step = records.next()) {
      if (step.done) {
        // The head of a file is durable before the file gets its name, so it is never torn.
        if (count < headRecords)
          throw corrupt(path, step.value.offset, step.value.damage ?? "the head is missing");
        return { end: step.value, sealed };
      }
      if (sealed) throw corrupt(path, step.value.offset, "records follow the end of the segment");
      if (count === 0) checkHead(path, name, step.value, reading.metadata);
      const problem = reading.replay.add(step.value.record);
      if (problem !== null) throw corrupt(path, step.value.offset, problem);
      sealed = step.value.record.type === "seal";
      count++;
    }
  } finally {
    reader.close();
  }
}

function checkHead(path: string, name: SegmentName, first: PlacedRecord, metadata: WalMetadata): void {
  const { record } = first;
  if (record.type !== "metadata") throw corrupt(path, 0, "the file does not begin with its metadata");
  if (record.version > formatVersion) {
    throw new WalError(
      `${path} is in format ${record.version}, this release reads up to ${formatVersion}: start the newer release`,
      { code: "wal.version", path, version: record.version },
    );
  }
  if (record.of.clusterId !== metadata.clusterId || record.of.memberId !== metadata.memberId) {
    throw new WalError(
      `${path} belongs to member ${hex(record.of.memberId)} of cluster ${hex(record.of.clusterId)}, not to ` +
        `member ${hex(metadata.memberId)} of cluster ${hex(metadata.clusterId)}: give that member's data directory back to it`,
      { code: "wal.foreign", path },
    );
  }
  if (record.sequence !== name.sequence) {
    throw corrupt(path, 0, `the file says it is segment ${record.sequence}`);
  }
}

/** Whether a segment holds its head and nothing else. */
function headOnly(directory: string, name: SegmentName, metadata: WalMetadata): boolean {
  const path = join(directory, segmentFile(name));
  const reader = new SegmentReader(path, name.sequence);
  try {
    const records = reader.records(null);
    let count = 0;
    for (let step = records.next(); ; step = records.next()) {
      if (step.done) return count === headRecords && step.value.damage === null;
      if (count++ === 0) checkHead(path, name, step.value, metadata);
    }
  } finally {
    reader.close();
  }
}

/** Removes prepared files that never got a name, and a last segment that the rotation did not finish. */
async function removeLeftovers(directory: string, keep: readonly SegmentName[]): Promise<void> {
  const kept = new Set(keep.map(segmentFile));
  let removed = false;
  for (const file of await readdir(directory)) {
    if (file.endsWith(".tmp") || (parseSegmentFile(file) !== null && !kept.has(file))) {
      await unlink(join(directory, file));
      removed = true;
    }
  }
  if (removed) await syncDirectory(directory);
}

async function repair(directory: string, name: SegmentName, end: SegmentEnd): Promise<Repair> {
  const path = join(directory, segmentFile(name));
  const copy = `${path}.broken`;
  await copyFile(path, copy, constants.COPYFILE_FICLONE);
  await syncDirectory(directory);
  await writeZeros(path, end.offset, (await stat(path)).size, () => false);
  return { path, offset: end.offset, reason: end.damage ?? "", copy };
}

function corrupt(path: string, offset: number, problem: string): WalError {
  return new WalError(
    `${path} is damaged at byte ${offset}: ${problem}. Restore this file, or remove the member from the cluster, ` +
      "empty its data directory and add it again",
    { code: "wal.corrupt", path, offset },
  );
}
