/**
 * Range (etcd.md 4.3): what the caller sees is always filter, then sort, then cut. Only where the natural order is asked for
 * and nothing is filtered does the cut come first, so that a page of a large interval reads no more rows than it returns.
 *
 * A wide range is read in steps, all of them at the revision at which the first one began: later revisions are invisible to it,
 * and compaction leaves alone what it still needs (Keyspace.pin).
 */
import { compareBytes, toLatin1 } from "../../base/bytes.ts";
import { KvError } from "../errors.ts";
import { headerOf } from "../header.ts";
import { type Interval, intervalOf, isSingleKey } from "../interval.ts";
import { finish, type Steps, sortSteps } from "../steps.ts";
import type { Position } from "../tables.ts";
import {
  type KeyValue,
  type RangeRequest,
  type RangeResponse,
  type ResponseHeader,
  SortOrder,
  SortTarget,
} from "../wire/messages.ts";
import type { Keyspace } from "./keyspace.ts";
import { KvPieces } from "./kv-pieces.ts";
import { withoutValue } from "./record.ts";

/** An answer whose `kvs` are encoded: pieces of a RangeResponse, each of whole fields. */
export interface EncodedRange {
  readonly header: ResponseHeader;
  readonly kvs: readonly Uint8Array[];
  readonly more: boolean;
  readonly count: number;
}

/** Keys looked at, and bytes read, between two yields: less than a millisecond. */
const keysPerStep = 64;
const bytesPerStep = 256 * 1024;
/** Keys counted between two yields. */
const countedPerStep = 10_000;

/** Throws `kv.future-revision` or `kv.compacted`; `present` is the newest revision that may be named. */
export function checkRevision(keyspace: Keyspace, revision: number, present: number): void {
  if (revision <= 0) return;
  if (revision > present) throw new KvError("kv.future-revision");
  if (revision < keyspace.compactRevision) throw new KvError("kv.compacted");
}

/** Whether it reads one row at most: not worth steps. */
export function isSmall(request: RangeRequest): boolean {
  return request.range_end.length === 0;
}

/** Answers a checked request at once; `present` goes into the header. Inside a txn it sees the txn's own changes so far. */
export function range(keyspace: Keyspace, request: RangeRequest, present: number): RangeResponse {
  return isSmall(request)
    ? rangeOne(keyspace, request, present)
    : finish(rangeSteps(keyspace, request, present));
}

/** The common get, without any of the machinery. */
function rangeOne(keyspace: Keyspace, request: RangeRequest, present: number): RangeResponse {
  const at = keyspace.index.at(toLatin1(request.key), revisionOf(request, present));
  const response: RangeResponse = {
    header: headerOf(present),
    kvs: [],
    more: false,
    count: at === null ? 0 : 1,
  };
  if (at === null || request.count_only) return response;
  const { kv } = keyspace.read(at.main, at.sub);
  if (hasRevisionFilter(request) && !filterOf(request)(kv)) return response;
  response.kvs.push(request.keys_only ? withoutValue(kv) : kv);
  return response;
}

/** The same in steps. */
export function* rangeSteps(
  keyspace: Keyspace,
  request: RangeRequest,
  present: number,
): Steps<RangeResponse> {
  const header = headerOf(present);
  if (request.count_only) {
    return { header, kvs: [], more: false, count: yield* countSteps(keyspace, request, present) };
  }
  const natural = isNatural(request);
  const kvs: KeyValue[] = [];
  const wanted = natural ? null : filterOf(request);
  const { count, more } = yield* readSteps(keyspace, request, present, natural, ({ main, sub }) => {
    const { kv } = keyspace.read(main, sub);
    if (wanted?.(kv) === false) return 0;
    // The sort may be by value: then the value goes when the order is known.
    kvs.push(request.keys_only && natural ? withoutValue(kv) : kv);
    return kv.key.length + kv.value.length;
  });
  if (natural) return { header, kvs, more, count };
  const sorted = yield* sortSteps(kvs, orderOf(request));
  const cut = request.limit > 0 && sorted.length > request.limit;
  if (cut) sorted.length = request.limit;
  return { header, kvs: request.keys_only ? sorted.map(withoutValue) : sorted, more: cut, count };
}

/** The same with the key-values in encoded form. */
export function* encodedRangeSteps(
  keyspace: Keyspace,
  request: RangeRequest,
  present: number,
): Steps<EncodedRange> {
  const pieces = new KvPieces();
  if (!isNatural(request) || request.count_only) {
    const { kvs, more, count } = yield* rangeSteps(keyspace, request, present);
    for (let i = 0; i < kvs.length; i++) {
      pieces.add(kvs[i]!);
      if (i % keysPerStep === keysPerStep - 1) yield;
    }
    return { header: headerOf(present), kvs: pieces.finish(), more, count };
  }
  const { count, more } = yield* readSteps(keyspace, request, present, true, ({ main, sub }) =>
    keyspace.encode(main, sub, request.keys_only, pieces),
  );
  return { header: headerOf(present), kvs: pieces.finish(), more, count };
}

/**
 * Gives every key to `take`, which returns the bytes it read. With `cut` no more than the limit; `more` and `count` are right
 * all the same.
 */
function* readSteps(
  keyspace: Keyspace,
  request: RangeRequest,
  present: number,
  cut: boolean,
  take: (at: Position) => number,
): Steps<{ count: number; more: boolean }> {
  const interval = intervalOf(request.key, request.range_end);
  const revision = revisionOf(request, present);
  const takenMax = cut && request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
  const release = isSingleKey(interval) ? null : keyspace.pin(revision);
  try {
    let taken = 0;
    let rest: Interval | null = interval;
    while (rest !== null && taken < takenMax) {
      if (rest !== interval) yield;
      release?.check();
      let bytes = 0;
      const resume = keyspace.index.walkSome(rest, revision, keysPerStep, (at) => {
        taken += 1;
        bytes += take(at);
        return taken < takenMax && bytes < bytesPerStep;
      });
      rest = resume === null ? null : { low: resume, high: interval.high };
    }
    if (rest === null) return { count: taken, more: false };
    const left = yield* countRest(keyspace, rest, revision, release);
    return { count: taken + left, more: left > 0 };
  } finally {
    release?.end();
  }
}

function* countSteps(keyspace: Keyspace, request: RangeRequest, present: number): Steps<number> {
  const pin = keyspace.pin(revisionOf(request, present));
  try {
    const interval = intervalOf(request.key, request.range_end);
    return yield* countRest(keyspace, interval, revisionOf(request, present), pin);
  } finally {
    pin.end();
  }
}

function* countRest(
  keyspace: Keyspace,
  interval: Interval,
  revision: number,
  pin: { check(): void } | null,
): Steps<number> {
  let sum = 0;
  for (let low: string | null = interval.low; low !== null; ) {
    const { count, resume } = keyspace.index.countSome(
      { low, high: interval.high },
      revision,
      countedPerStep,
    );
    sum += count;
    low = resume;
    if (low === null) break;
    yield;
    pin?.check();
  }
  return sum;
}

/** The revision that is read: the present one is named, so that later ones do not show in later steps. */
export function revisionOf(request: RangeRequest, present: number): number {
  return request.revision > 0 ? request.revision : present;
}

function isNatural(request: RangeRequest): boolean {
  return (
    request.sort_target === SortTarget.KEY &&
    request.sort_order !== SortOrder.DESCEND &&
    !hasRevisionFilter(request)
  );
}

export function hasRevisionFilter(request: RangeRequest): boolean {
  return (
    request.min_mod_revision !== 0 ||
    request.max_mod_revision !== 0 ||
    request.min_create_revision !== 0 ||
    request.max_create_revision !== 0
  );
}

function filterOf(request: RangeRequest): (kv: KeyValue) => boolean {
  const within = (value: number, min: number, max: number): boolean =>
    (min === 0 || value >= min) && (max === 0 || value <= max);
  return (kv) =>
    within(kv.mod_revision, request.min_mod_revision, request.max_mod_revision) &&
    within(kv.create_revision, request.min_create_revision, request.max_create_revision);
}

/** Order NONE with a target other than KEY ascends, as in etcd. The sort is stable, so ties keep key order. */
function orderOf(request: RangeRequest): (left: KeyValue, right: KeyValue) => number {
  const compare = comparatorOf(request.sort_target);
  return request.sort_order === SortOrder.DESCEND ? (left, right) => -compare(left, right) : compare;
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
