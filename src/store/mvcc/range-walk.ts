/**
 * The way through an interval at one revision, in steps: every key is shown to somebody, or all are counted. Later revisions do
 * not show, and compaction leaves alone what is still needed (Keyspace.pin).
 */
import { type Interval, intervalOf, isSingleKey } from "../interval.ts";
import type { Steps } from "../steps.ts";
import type { Position } from "../tables.ts";
import type { RangeRequest } from "../wire/messages.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Pin } from "./pins.ts";

/** Keys looked at, and bytes read, between two yields: less than a millisecond. */
const keysPerStep = 64;
const bytesPerStep = 256 * 1024;
/** Keys counted between two yields. */
export const countedPerStep = 10_000;

/** Takes the key-value at a place, and returns the bytes that were read of it. */
export type Take = (at: Position) => number;

/** The revision that is read: the present one is named, so that later ones do not show in later steps. */
export function revisionOf(request: RangeRequest, present: number): number {
  return request.revision > 0 ? request.revision : present;
}

/**
 * Gives every key to `take`, but no more than `takenMax`; `count` is of all keys, and `more` says whether some were not given.
 */
export function* walkSteps(
  keyspace: Keyspace,
  request: RangeRequest,
  present: number,
  takenMax: number,
  take: Take,
): Steps<{ count: number; more: boolean }> {
  const interval = intervalOf(request.key, request.range_end);
  const revision = revisionOf(request, present);
  const pin = isSingleKey(interval) ? null : keyspace.pin(revision);
  try {
    let taken = 0;
    let rest: Interval | null = interval;
    while (rest !== null && taken < takenMax) {
      if (rest !== interval) yield;
      pin?.check();
      let bytes = 0;
      const resume = keyspace.index.walkSome(rest, revision, keysPerStep, (at) => {
        taken += 1;
        bytes += take(at);
        return taken < takenMax && bytes < bytesPerStep;
      });
      rest = resume === null ? null : { low: resume, high: interval.high };
    }
    if (rest === null) return { count: taken, more: false };
    const left = yield* countRest(keyspace, rest, revision, pin);
    return { count: taken + left, more: left > 0 };
  } finally {
    pin?.end();
  }
}

/** Gives the key-values at these places to `take`, in their order; they are pinned by `pin`. */
export function* eachSteps(places: readonly Position[], pin: Pin, take: Take): Steps<void> {
  let [keys, bytes] = [0, 0];
  for (const place of places) {
    bytes += take(place);
    if (++keys < keysPerStep && bytes < bytesPerStep) continue;
    [keys, bytes] = [0, 0];
    yield;
    pin.check();
  }
}

/** Number of keys. */
export function* countSteps(keyspace: Keyspace, request: RangeRequest, present: number): Steps<number> {
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
  pin: Pin | null,
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
