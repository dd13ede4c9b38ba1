/**
 * Range (etcd.md 4.3): what the caller sees is always filter, then sort, then cut. Only where the natural order is asked for
 * and nothing is filtered does the cut come first, so that a page of a large interval reads no more rows than it returns.
 */
import { compareBytes, emptyBytes } from "../../base/bytes.ts";
import { KvError } from "../errors.ts";
import { headerOf } from "../header.ts";
import { intervalOf } from "../interval.ts";
import {
  type KeyValue,
  type RangeRequest,
  type RangeResponse,
  SortOrder,
  SortTarget,
} from "../wire/messages.ts";
import { latest } from "./key-index.ts";
import type { Keyspace } from "./keyspace.ts";

/** Throws `kv.future-revision` or `kv.compacted`; `present` is the newest revision that may be named. */
export function checkRevision(keyspace: Keyspace, revision: number, present: number): void {
  if (revision <= 0) return;
  if (revision > present) throw new KvError("kv.future-revision");
  if (revision < keyspace.compactRevision) throw new KvError("kv.compacted");
}

/** Answers a checked request; `present` goes into the header. Inside a txn it sees the txn's own changes so far. */
export function range(keyspace: Keyspace, request: RangeRequest, present: number): RangeResponse {
  const interval = intervalOf(request.key, request.range_end);
  const at = request.revision > 0 ? request.revision : latest;
  const header = headerOf(present);
  if (request.count_only) {
    return { header, kvs: [], more: false, count: keyspace.index.count(interval, at) };
  }
  const natural = isNatural(request);
  const readMax = natural && request.limit > 0 ? request.limit + 1 : Number.POSITIVE_INFINITY;
  let count = 0;
  let kvs: KeyValue[] = [];
  keyspace.index.walk(interval, at, (_name, position) => {
    count += 1;
    if (kvs.length < readMax) kvs.push(keyspace.read(position.main, position.sub).kv);
    return true;
  });
  if (!natural) {
    kvs = kvs.filter(filterOf(request));
    sort(kvs, request);
  }
  const more = request.limit > 0 && kvs.length > request.limit;
  if (more) kvs.length = request.limit;
  if (request.keys_only) kvs = kvs.map((kv) => ({ ...kv, value: emptyBytes }));
  return { header, kvs, more, count };
}

function isNatural(request: RangeRequest): boolean {
  return (
    request.sort_target === SortTarget.KEY &&
    request.sort_order !== SortOrder.DESCEND &&
    request.min_mod_revision === 0 &&
    request.max_mod_revision === 0 &&
    request.min_create_revision === 0 &&
    request.max_create_revision === 0
  );
}

function filterOf(request: RangeRequest): (kv: KeyValue) => boolean {
  const within = (value: number, min: number, max: number): boolean =>
    (min === 0 || value >= min) && (max === 0 || value <= max);
  return (kv) =>
    within(kv.mod_revision, request.min_mod_revision, request.max_mod_revision) &&
    within(kv.create_revision, request.min_create_revision, request.max_create_revision);
}

/** Order NONE with a target other than KEY ascends, as in etcd. Array sort is stable, so ties keep key order. */
function sort(kvs: KeyValue[], request: RangeRequest): void {
  const compare = comparatorOf(request.sort_target);
  const sign = request.sort_order === SortOrder.DESCEND ? -1 : 1;
  kvs.sort((left, right) => sign * compare(left, right));
}

function comparatorOf(target: number): (left: KeyValue, right: KeyValue) => number {
  switch (target) {
    case SortTarget.VERSION:
      return (left, right) => left.version - right.version;
    case SortTarget.CREATE:
      return (left, right) => left.create_revision - right.create_revision;
    case SortTarget.MOD:
      return (left, right) => left.mod_revision - right.mod_revision;
    case SortTarget.VALUE:
      return (left, right) => compareBytes(left.value, right.value);
    default:
      return (left, right) => compareBytes(left.key, right.key);
  }
}
