/**
 * RangeStream (etcd.md 4.3): the answer of a range in pieces that the reader pulls. The first is small, so that something
 * arrives soon. Header, more and count come with the last one. All pieces are of one revision; a reader so slow that
 * compaction overtakes that revision is refused, since holding back compaction for it would let the database grow.
 */
import { KvError } from "../errors.ts";
import { headerOf } from "../header.ts";
import { type Interval, intervalOf } from "../interval.ts";
import {
  type KeyValue,
  type RangeRequest,
  type RangeResponse,
  SortOrder,
  SortTarget,
} from "../wire/messages.ts";
import type { Keyspace } from "./keyspace.ts";
import { rangeSteps } from "./range.ts";
import { hasRevisionFilter } from "./range-order.ts";
import { countedPerStep, revisionOf } from "./range-walk.ts";
import { withoutValue } from "./record.ts";

/** Keys of the first piece. */
const firstPieceKeys = 10;
/** Bytes of keys and values of a later piece: far below any receive limit, and cheap to encode. */
const pieceBytes = 256 * 1024;
const pieceKeysMax = 1000;

/** Yields a piece, or nothing where the loop should have its turn first; the last piece is what it returns. */
export type RangePieces = Generator<RangeResponse | undefined, RangeResponse>;

/** Throws KvError `kv.unimplemented` for what cannot be streamed; the texts are etcd's. */
export function checkRangeStream(request: RangeRequest): void {
  const isSorted =
    request.sort_order === SortOrder.DESCEND ||
    (request.sort_order === SortOrder.ASCEND && request.sort_target !== SortTarget.KEY);
  if (isSorted) throw new KvError("kv.unimplemented", "RangeStream does not support custom sort orders");
  if (hasRevisionFilter(request))
    throw new KvError("kv.unimplemented", "RangeStream does not support revision filters");
}

export function* rangePieces(keyspace: Keyspace, request: RangeRequest, present: number): RangePieces {
  if (request.count_only) return yield* rangeSteps(keyspace, request, present);
  const { high, low } = intervalOf(request.key, request.range_end);
  const revision = revisionOf(request, present);
  const isReadable = keyspace.reader(revision);
  const limit = request.limit > 0 ? request.limit : Number.POSITIVE_INFINITY;
  let count = 0;
  let rest: Interval | null = { low, high };
  let kvs: KeyValue[] = [];
  while (rest !== null && count < limit) {
    isReadable();
    const keysMax = count === 0 ? firstPieceKeys : pieceKeysMax;
    let bytes = 0;
    const resume: string | null = keyspace.index.walkSome(rest, revision, keysMax, ({ main, sub }) => {
      const { kv } = keyspace.read(main, sub);
      kvs.push(request.keys_only ? withoutValue(kv) : kv);
      bytes += kv.key.length + (request.keys_only ? 0 : kv.value.length);
      count += 1;
      return count < limit && bytes < pieceBytes;
    });
    rest = resume === null ? null : { low: resume, high };
    if (rest === null || count >= limit) break;
    if (kvs.length === 0) yield;
    else {
      yield { header: undefined, kvs, more: false, count: 0 };
      kvs = [];
    }
  }
  let left = 0;
  for (let from: string | null = rest?.low ?? null; from !== null; ) {
    isReadable();
    const part = keyspace.index.countSome({ low: from, high }, revision, countedPerStep);
    left += part.count;
    from = part.resume;
    if (from !== null) yield;
  }
  return { header: headerOf(present), kvs, more: left > 0, count: count + left };
}
