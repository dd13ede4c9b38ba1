/**
 * The conditions of a txn (etcd.md 4.5). Version and revisions come from the key index, the lease from the lease table; only
 * a comparison of values reads a record.
 */
import { compareBytes, emptyBytes } from "../../base/bytes.ts";
import { intervalOf, isSingleKey } from "../interval.ts";
import type { LeaseTable } from "../lease/lease-table.ts";
import { type Compare, CompareResult, CompareTarget } from "../wire/messages.ts";
import { latest } from "./key-index.ts";
import type { Keyspace } from "./keyspace.ts";

/** Whether the condition holds now: for the key, or for every key of the interval. */
export function holds(compare: Compare, keyspace: Keyspace, leases: LeaseTable): boolean {
  const interval = intervalOf(compare.key, compare.range_end);
  if (isSingleKey(interval)) return holdsForKey(compare, interval.low, keyspace, leases);
  let any = false;
  let all = true;
  keyspace.index.walk(interval, latest, (name) => {
    any = true;
    all = holdsForKey(compare, name, keyspace, leases);
    return all;
  });
  // An interval without keys is like a missing key.
  return any ? all : holdsForKey(compare, null, keyspace, leases);
}

/** `name` null: a key that does not exist. */
function holdsForKey(compare: Compare, name: string | null, keyspace: Keyspace, leases: LeaseTable): boolean {
  const live = name === null ? null : keyspace.index.live(name);
  switch (compare.target) {
    case CompareTarget.VERSION:
      return satisfies(compare.result, order(live?.version ?? 0, compare.version ?? 0));
    case CompareTarget.CREATE:
      return satisfies(compare.result, order(live?.created ?? 0, compare.create_revision ?? 0));
    case CompareTarget.MOD:
      return satisfies(compare.result, order(live?.main ?? 0, compare.mod_revision ?? 0));
    case CompareTarget.LEASE:
      return satisfies(
        compare.result,
        order(live === null ? 0n : leases.leaseOf(name!), compare.lease ?? 0n),
      );
    case CompareTarget.VALUE: {
      if (live === null) return false;
      const { value } = keyspace.read(live.main, live.sub).kv;
      return satisfies(compare.result, compareBytes(value, compare.value ?? emptyBytes));
    }
    default:
      // A target of a later protocol: comparing nothing with nothing, which is what etcd does.
      return satisfies(compare.result, 0);
  }
}

function order<Value extends number | bigint>(left: Value, right: Value): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function satisfies(result: number, order: number): boolean {
  switch (result) {
    case CompareResult.EQUAL:
      return order === 0;
    case CompareResult.GREATER:
      return order > 0;
    case CompareResult.LESS:
      return order < 0;
    case CompareResult.NOT_EQUAL:
      return order !== 0;
    default:
      return true;
  }
}
