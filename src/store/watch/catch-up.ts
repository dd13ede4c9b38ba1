/**
 * One slice of catching up for the lagging watchers of one stream: reads history once, from the watcher that is furthest
 * behind, and gives each what it asked for in one response of whole revisions. If the sink says "wait" halfway, those who
 * were served go on from the new place and the others from their old one.
 */
import { assert } from "../../base/assert.ts";
import type { Keyspace } from "../mvcc/keyspace.ts";
import type { Event } from "../wire/messages.ts";
import { eventBytes } from "./fragment.ts";
import { RevisionEvents } from "./revision-events.ts";
import type { Stream } from "./stream.ts";
import { type Watcher, wants } from "./watcher.ts";

export interface CatchUp {
  readonly keyspace: Keyspace;
  /** The last revision to read: the hub's cursor. */
  readonly through: number;
  /** Events to deliver, about. */
  readonly budget: number;
  readonly revisionsMax: number;
  readonly bytesMax: number;
  /** Called for each watcher that has reached the cursor. */
  done(watcher: Watcher): void;
}

/** Returns the work done, in revisions read and events delivered. The stream must be able to take something. */
export function catchUp(stream: Stream, options: CatchUp): number {
  const behind = overtaken(stream, options.keyspace.compactRevision);
  if (behind.length === 0) return 0;
  const from = behind.reduce((least, watcher) => Math.min(least, watcher.next), Number.MAX_SAFE_INTEGER);
  assert(from <= options.through, "a lagging watcher is behind the cursor");
  const { until, collected, work } = collect(stream, from, options);
  let delivered = 0;
  for (const watcher of behind) {
    if (watcher.gone || watcher.next >= until) continue;
    const events = collected.get(watcher);
    if (events !== undefined) {
      // Whoever has no turn now stays where it is, as if the sink had said "wait".
      if (stream.blocked || delivered >= options.budget) continue;
      delivered += events.length;
      stream.deliver(watcher, events, options.through);
    }
    if (watcher.gone) continue;
    watcher.next = until;
    if (until > options.through) options.done(watcher);
  }
  return work;
}

/** The lagging watchers; those that compaction has overtaken are canceled and left out. */
function overtaken(stream: Stream, compactRevision: number): Watcher[] {
  const left: Watcher[] = [];
  for (const watcher of [...stream.watchers.values()]) {
    if (!watcher.lagging || watcher.gone) continue;
    if (watcher.next < compactRevision) stream.cancelCompacted(watcher, compactRevision);
    else left.push(watcher);
  }
  return left;
}

/** Events for the lagging watchers in the revisions from `from` up to, not including, `until`. */
function collect(
  stream: Stream,
  from: number,
  options: CatchUp,
): { until: number; collected: Map<Watcher, Event[]>; work: number } {
  const collected = new Map<Watcher, Event[]>();
  const stop = Math.min(options.through, from + options.revisionsMax - 1) + 1;
  let work = 0;
  let bytes = 0;
  let main = from;
  for (; main < stop && work < options.budget && bytes < options.bytesMax; main++) {
    const revision = new RevisionEvents(main, { keyspace: options.keyspace });
    work += 1;
    revision.changes.forEach((change, sub) => {
      stream.lagging.stab(change.name, (watcher) => {
        if (watcher.next > main) return;
        const event = revision.event(sub, watcher.prevKv);
        if (!wants(watcher, event)) return;
        work += 1;
        bytes += eventBytes(event);
        const events = collected.get(watcher);
        if (events) events.push(event);
        else collected.set(watcher, [event]);
      });
    });
  }
  return { until: main, collected, work };
}
