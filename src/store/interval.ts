/**
 * Key intervals as the store uses them: latin1 strings, half-open, with null for "no end". The pair (key, range_end) of the
 * API, with its three special forms, is turned into one here and nowhere else (etcd.md 4.2).
 */
import { toLatin1 } from "../base/bytes.ts";

/** All keys k with low <= k, and k < high unless high is null. May be empty (high <= low). */
export interface Interval {
  readonly low: string;
  readonly high: string | null;
}

/** The interval of an API pair. No range_end: the single key; one zero byte: everything from the key on. */
export function intervalOf(key: Uint8Array, rangeEnd: Uint8Array): Interval {
  const low = toLatin1(key);
  if (rangeEnd.length === 0) return { low, high: `${low}\0` };
  if (rangeEnd.length === 1 && rangeEnd[0] === 0) return { low, high: null };
  return { low, high: toLatin1(rangeEnd) };
}

export function contains(interval: Interval, key: string): boolean {
  return key >= interval.low && (interval.high === null || key < interval.high);
}

export function isEmpty(interval: Interval): boolean {
  return interval.high !== null && interval.high <= interval.low;
}

/** Whether it holds exactly one key: the smallest string above `low` is `low` and a zero byte. */
export function isSingleKey(interval: Interval): boolean {
  return interval.high === `${interval.low}\0`;
}
