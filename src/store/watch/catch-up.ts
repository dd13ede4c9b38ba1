/**
 * One slice of catching up for a few lagging watchers of one stream: reads history once, from the one that is furthest behind,
 * and gives each what it asked for in one response of whole revisions. If the sink says "wait" halfway, those who were served
 * go on from the new place and the others from their old one.
 *
 * Watchers take turns in companies of those that are about as far behind, so that the work of a slice is bounded by its
 * budget and not by how many lag.
 */
import { assert } from "../../base/assert.ts";
import { EventBatch } from "./event-batch.ts";
import type { EventHistory } from "./event-history.ts";
import { IntervalIndex } from "./interval-index.ts";
import type { Stream } from "./stream.ts";
import { type Watcher, wants } from "./watcher.ts";

export interface CatchUp {
  readonly history: EventHistory;
  readonly compactRevision: number;
  /** The last revision to read: the hub's cursor. */
  readonly through: number;
  /** Revisions to read and events to match, about. */
  readonly budget: number;
  readonly revisionsMax: number;
  readonly bytesMax: number;
  /** Called for each watcher that has reached the cursor. */
  done(watcher: Watcher): void;
}

/** Watchers served in one slice. */
const companyMax = 64;

/** Returns the work done, in revisions read and events matched. The stream must be able to take something. */
export function catchUp(stream: Stream, options: CatchUp): number {
  const company = nextCompany(stream, options);
  if (company.length === 0) return 1;
  const from = company.reduce((least, watcher) => Math.min(least, watcher.next), Number.MAX_SAFE_INTEGER);
  assert(from <= options.through, "a lagging watcher is behind the cursor");
  const { until, collected, work } = collect(company, from, options);
  for (const watcher of company) {
    if (watcher.gone || watcher.next >= until) continue;
    const batch = collected.get(watcher);
    if (batch !== undefined) {
      if (stream.blocked) continue;
      stream.deliver(watcher, batch, options.through);
    }
    if (watcher.gone) continue;
    watcher.next = until;
    // To the end of the queue, or out of it.
    stream.lagging.delete(watcher);
    if (until > options.through) options.done(watcher);
    else stream.lagging.add(watcher);
  }
  return work;
}

/** Whose turn it is, and those who are as far; watchers that compaction has overtaken are canceled on the way. */
function nextCompany(stream: Stream, options: CatchUp): Watcher[] {
  const company: Watcher[] = [];
  const countMax = Math.min(companyMax, Math.max(1, options.budget));
  let canceled = 0;
  for (const watcher of stream.lagging) {
    if (watcher.next < options.compactRevision) {
      stream.cancelCompacted(watcher, options.compactRevision);
      // At once, so that a stream with many watchers does not run into the maximum of answers that wait.
      if (!stream.flush() || ++canceled >= countMax) return [];
      continue;
    }
    const first = company[0] ?? watcher;
    if (watcher.next < first.next || watcher.next >= first.next + options.revisionsMax) continue;
    company.push(watcher);
    if (company.length >= countMax) break;
  }
  return company;
}

/** Events for the company in the revisions from `from` up to, not including, `until`. */
function collect(
  company: readonly Watcher[],
  from: number,
  options: CatchUp,
): { until: number; collected: Map<Watcher, EventBatch>; work: number } {
  const index = new IntervalIndex<Watcher>();
  for (const watcher of company) index.add(watcher.interval, watcher);
  const start = EventBatch.empty();
  const collected = new Map<Watcher, EventBatch>();
  const stop = Math.min(options.through, from + options.revisionsMax - 1) + 1;
  let work = 0;
  let bytes = 0;
  let main = from;
  for (; main < stop && work < options.budget && bytes < options.bytesMax; main++) {
    const revision = options.history.of(main);
    work += 1 + revision.changes.length;
    revision.changes.forEach((change, sub) => {
      index.stab(change.name, (watcher) => {
        if (watcher.next > main || !wants(watcher, change.deleted)) return;
        work += 1;
        bytes += change.kv.key.length + change.kv.value.length;
        const event = revision.event(sub, watcher.prevKv);
        collected.set(watcher, (collected.get(watcher) ?? start).with(event));
      });
    });
  }
  return { until: main, collected, work };
}
