/**
 * Names of the log's files: `SEQUENCE-INDEX.wal`, both sixteen hexadecimal digits. The sequence counts segments from 0;
 * the index is that of the first entry that was expected in it, so every entry in the segments before is smaller.
 */
import { Index } from "../../base/ids.ts";

export interface SegmentName {
  readonly sequence: number;
  readonly firstIndex: Index;
}

const pattern = /^([0-9a-f]{16})-([0-9a-f]{16})\.wal$/;

export function segmentFile(name: SegmentName): string {
  return `${digits(name.sequence)}-${digits(name.firstIndex)}.wal`;
}

/** Null for a file that is not a segment. */
export function parseSegmentFile(file: string): SegmentName | null {
  const match = pattern.exec(file);
  if (!match) return null;
  const sequence = Number.parseInt(match[1]!, 16);
  const firstIndex = Number.parseInt(match[2]!, 16);
  if (!Number.isSafeInteger(sequence) || !Number.isSafeInteger(firstIndex)) return null;
  return { sequence, firstIndex: Index(firstIndex) };
}

function digits(value: number): string {
  return value.toString(16).padStart(16, "0");
}
