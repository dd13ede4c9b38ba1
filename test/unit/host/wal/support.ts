/** Builders for the log's tests. */
import fs from "node:fs";
import { join } from "node:path";
import { ClusterId, Index, MemberId, Term } from "../../../../src/base/ids.ts";
import { silent } from "../../../../src/base/ports.ts";
import type { Disk } from "../../../../src/host/wal/disk.ts";
import type { WalMetadata } from "../../../../src/host/wal/record-body.ts";
import { Wal, type WalBatch } from "../../../../src/host/wal/wal.ts";
import type { Entry, SnapshotMeta } from "../../../../src/raft/entry.ts";

export const metadata: WalMetadata = { clusterId: ClusterId(0xc1n), memberId: MemberId(0xa1n) };

export interface OpenOptions {
  readonly segmentBytes?: number;
  readonly metadata?: WalMetadata;
  readonly disk?: Disk;
  readonly existing?: boolean;
}

export function openWal(directory: string, options: OpenOptions = {}): ReturnType<typeof Wal.open> {
  const { segmentBytes = 8192, disk, existing = false } = options;
  return Wal.open(
    { directory, metadata: options.metadata ?? metadata, segmentBytes, existing },
    disk ? { logger: silent, disk } : { logger: silent },
  );
}

export function entry(index: number, term = 1, data = `entry ${index} of ${term}`): Entry {
  return { index: Index(index), term: Term(term), type: "normal", data: Buffer.from(data) };
}

export function batch(...entries: Entry[]): WalBatch {
  return { hardState: null, entries, sync: true };
}

export function snapshot(index: number, term = 1): SnapshotMeta {
  const configuration = {
    voters: [MemberId(1n), MemberId(0xffff_ffff_ffff_ffffn)],
    votersOutgoing: [],
    learners: [],
  };
  return { index: Index(index), term: Term(term), configuration };
}

/** `index@term` of each entry. */
export function story(entries: readonly Entry[]): string {
  return entries.map((one) => `${one.index}@${one.term}`).join(" ");
}

export function segmentPaths(directory: string): string[] {
  return fs
    .readdirSync(directory)
    .filter((file) => file.endsWith(".wal"))
    .sort()
    .map((file) => join(directory, file));
}

/** The bytes of a file up to its last one that is not zero. */
export function usedBytes(path: string): number {
  const bytes = fs.readFileSync(path);
  let length = bytes.length;
  while (length > 0 && bytes[length - 1] === 0) length--;
  return length;
}

/** Every file of a directory with its bytes, to compare before and after. */
export function contents(directory: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const file of fs.readdirSync(directory)) {
    files[file] = fs.readFileSync(join(directory, file)).toString("base64");
  }
  return files;
}

/** Opens, closes again, and returns what was recovered. */
export async function reopen(directory: string, options: OpenOptions = {}) {
  const { wal, recovered } = await openWal(directory, options);
  await wal.close();
  return recovered;
}
