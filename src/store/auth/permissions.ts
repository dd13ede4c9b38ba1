/**
 * What a user may do with keys (etcd.md 9.9): the intervals of all its roles, joined. A request is allowed if one joined
 * interval holds all of it, so intervals that touch are made one:
 *
 *     [a, c) [b, d) [d, e) [x, x\0)   ->   [a, e) [x, x\0)
 */
import { type Interval, intervalOf, isEmpty } from "../interval.ts";
import { type Permission, PermissionType, type Role } from "../wire/admin-messages.ts";

/** Disjoint intervals with gaps between them, ascending. */
export type Joined = readonly Interval[];

export interface UserPermissions {
  readonly read: Joined;
  readonly write: Joined;
}

export function permissionsOf(roles: readonly Role[]): UserPermissions {
  const granted = roles.flatMap(({ keyPermission }) => keyPermission);
  const intervals = (without: number): Interval[] =>
    granted.filter(({ permType }) => permType !== without).map(intervalOfPermission);
  return {
    read: joinIntervals(intervals(PermissionType.WRITE)),
    write: joinIntervals(intervals(PermissionType.READ)),
  };
}

function intervalOfPermission({ key, range_end }: Permission): Interval {
  return intervalOf(key, range_end);
}

/** Joins what overlaps or touches; empty intervals are left out. */
export function joinIntervals(intervals: readonly Interval[]): Joined {
  const sorted = intervals.filter((interval) => !isEmpty(interval));
  sorted.sort((left, right) => (left.low < right.low ? -1 : left.low > right.low ? 1 : 0));
  const joined: { low: string; high: string | null }[] = [];
  for (const { low, high } of sorted) {
    const last = joined.at(-1);
    if (last === undefined || (last.high !== null && last.high < low)) joined.push({ low, high });
    else if (last.high !== null && (high === null || high > last.high)) last.high = high;
  }
  return joined;
}

/** Whether `key` lies in one of them. */
export function holds(joined: Joined, key: string): boolean {
  const candidate = lastFrom(joined, key);
  return candidate !== undefined && (candidate.high === null || key < candidate.high);
}

/** Whether `wanted` lies wholly in one of them. Of an empty or inverted interval its lower end must. */
export function covers(joined: Joined, wanted: Interval): boolean {
  const candidate = lastFrom(joined, wanted.low);
  if (candidate === undefined) return false;
  if (candidate.high === null) return true;
  return wanted.high !== null && wanted.low < candidate.high && wanted.high <= candidate.high;
}

/** The last one that does not begin after `key`. */
function lastFrom(joined: Joined, key: string): Interval | undefined {
  let low = 0;
  let high = joined.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (joined[middle]!.low <= key) low = middle + 1;
    else high = middle;
  }
  return joined[low - 1];
}
