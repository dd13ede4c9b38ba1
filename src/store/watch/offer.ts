/**
 * One revision on its way to the synced watchers that want it, in slices: a revision of many changes, or ten thousand watchers
 * of one key, must not hold up a heartbeat. First its changes are matched against the groups of watchers, then each watcher
 * has its turn: it gets the whole revision or falls behind. The hub's cursor passes the revision when everybody had a turn.
 *
 * Watchers come and go between slices. One that comes is synced only if it begins behind this revision, and is passed over.
 */
import { EventBatch } from "./event-batch.ts";
import type { RevisionEvents } from "./revision-events.ts";
import type { Stream } from "./stream.ts";
import type { Watcher } from "./watcher.ts";
import type { WatcherGroup, WatcherGroups } from "./watcher-groups.ts";

/** From so many changes on, events are encoded as they are matched: at delivery it would be all at once. */
const largeChanges = 1000;
/** Events of one response that count as one more unit of work. */
const eventsPerUnit = 16;

type FallBehind = (stream: Stream, watcher: Watcher) => void;

export class Offer {
  readonly main: number;
  /** Everybody had a turn. */
  isOver = false;
  readonly #revision: RevisionEvents;
  readonly #synced: WatcherGroups;
  /** The change to match next. */
  #sub = 0;
  readonly #start: EventBatch = EventBatch.empty();
  readonly #matched = new Map<WatcherGroup, EventBatch>();
  #groups: Iterator<[WatcherGroup, EventBatch]> | null = null;
  #members: Iterator<[Watcher, Stream]> | null = null;
  #batch: EventBatch = this.#start;

  constructor(revision: RevisionEvents, modules: { readonly synced: WatcherGroups }) {
    this.main = revision.main;
    this.#revision = revision;
    this.#synced = modules.synced;
  }

  /**
   * Goes on for about `budget` units: a match, or a response; one at least. Whose stream is waiting goes to `fallBehind`.
   * Returns the units it was. Sinks may change the state of streams meanwhile, but not call this.
   */
  advance(budget: number, fallBehind: FallBehind): number {
    const limit = Math.max(1, budget);
    let work = 0;
    while (work < limit && this.#sub < this.#revision.changes.length) work += this.#match(this.#sub++);
    if (this.#sub < this.#revision.changes.length) return work;
    while (work < limit && !this.isOver) work += this.#turn(fallBehind);
    return work;
  }

  #match(sub: number): number {
    const { name, deleted } = this.#revision.changes[sub]!;
    const large = this.#revision.changes.length >= largeChanges;
    let work = 1;
    this.#synced.stab(name, (group) => {
      work += 1;
      if (deleted ? !group.wantDeletes : !group.wantPuts) return;
      const event = this.#revision.event(sub, group.prevKv);
      if (large) void event.encoded;
      this.#matched.set(group, (this.#matched.get(group) ?? this.#start).with(event));
    });
    return work;
  }

  #turn(fallBehind: FallBehind): number {
    const next = this.#members?.next();
    if (next === undefined || next.done) return this.#nextGroup();
    const [watcher, stream] = next.value;
    if (watcher.gone || watcher.next > this.main) return 1;
    if (stream.flush()) {
      // Before the delivery, during which anything may be asked: this revision is its own business no more.
      watcher.next = this.main + 1;
      stream.deliver(watcher, this.#batch, this.main);
    } else if (!watcher.gone) fallBehind(stream, watcher);
    return 1 + Math.floor(this.#batch.length / eventsPerUnit);
  }

  #nextGroup(): number {
    this.#groups ??= this.#matched.entries();
    const next = this.#groups.next();
    if (next.done) {
      this.isOver = true;
      return 0;
    }
    const [group, batch] = next.value;
    this.#members = group.members.entries();
    this.#batch = batch;
    return 0;
  }
}
