/**
 * Range (etcd.md 4.3): what the caller sees is always filter, then sort, then cut. Only where the natural order is asked for
 * and nothing is filtered does the cut come first, so that a page of a large interval reads no more rows than it returns.
 *
 * A wide range is read in steps, all of them at the revision at which the first one began.
 */
import { toLatin1 } from "../../base/bytes.ts";
import { KvError } from "../errors.ts";
import { headerOf } from "../header.ts";
import { finish, type Steps } from "../steps.ts";
import type { KeyValue, RangeRequest, RangeResponse, ResponseHeader } from "../wire/messages.ts";
import type { Keyspace } from "./keyspace.ts";
import { KvPieces } from "./kv-pieces.ts";
import { isNatural, isWanted, selectSteps } from "./range-order.ts";
import { countSteps, eachSteps, revisionOf, type Take, walkSteps } from "./range-walk.ts";
import { withoutValue } from "./record.ts";

/** An answer whose `kvs` are encoded: pieces of a RangeResponse, each of whole fields. */
export interface EncodedRange {
  readonly header: ResponseHeader;
  readonly kvs: readonly Uint8Array[];
  readonly more: boolean;
  readonly count: number;
}

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
  if (!isWanted(request, kv.mod_revision, kv.create_revision)) return response;
  response.kvs.push(request.keys_only ? withoutValue(kv) : kv);
  return response;
}

/** The same in steps. */
export function* rangeSteps(
  keyspace: Keyspace,
  request: RangeRequest,
  present: number,
): Steps<RangeResponse> {
  const kvs: KeyValue[] = [];
  const { count, more } = yield* takeSteps(keyspace, request, present, ({ main, sub }) => {
    const { kv } = keyspace.read(main, sub);
    kvs.push(request.keys_only ? withoutValue(kv) : kv);
    return kv.key.length + kv.value.length;
  });
  return { header: headerOf(present), kvs, more, count };
}

/** The same with the key-values in encoded form. */
export function* encodedRangeSteps(
  keyspace: Keyspace,
  request: RangeRequest,
  present: number,
): Steps<EncodedRange> {
  const pieces = new KvPieces();
  const { count, more } = yield* takeSteps(keyspace, request, present, ({ main, sub }) =>
    keyspace.encode(main, sub, request.keys_only, pieces),
  );
  return { header: headerOf(present), kvs: pieces.finish(), more, count };
}

/** Gives what the answer consists of to `take`, in order. */
function* takeSteps(
  keyspace: Keyspace,
  request: RangeRequest,
  present: number,
  take: Take,
): Steps<{ count: number; more: boolean }> {
  if (request.count_only) return { count: yield* countSteps(keyspace, request, present), more: false };
  if (isNatural(request)) {
    const takenMax = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
    return yield* walkSteps(keyspace, request, present, takenMax, take);
  }
  // From the first look at a row to the second one.
  const pin = keyspace.pin(revisionOf(request, present));
  try {
    const { places, more, count } = yield* selectSteps(keyspace, request, present);
    pin.check();
    yield* eachSteps(places, pin, take);
    return { count, more };
  } finally {
    pin.end();
  }
}
