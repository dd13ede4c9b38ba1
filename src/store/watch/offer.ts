/**
 * One revision on its way to the synced watchers that want it. All of it is collected at once, from the state as it is, and
 * then delivered in slices: ten thousand watchers of one key must not hold up a heartbeat. Each of them gets the whole
 * revision or falls behind; the hub's cursor passes the revision when everybody has had a turn.
 */
import type { Event } from "../wire/messages.ts";
import type { IntervalIndex } from "./interval-index.ts";
import type { RevisionEvents } from "./revision-events.ts";
import type { Stream } from "./stream.ts";
import { type Watcher, wants } from "./watcher.ts";

/** A watcher that the cursor serves. */
export interface Synced {
  readonly stream: Stream;
  readonly watcher: Watcher;
}

export class Offer {
  readonly main: number;
  readonly #waiting: [Synced, Event[]][];
  #next = 0;

  constructor(revision: RevisionEvents, modules: { readonly synced: IntervalIndex<Synced> }) {
    const { main } = revision;
    const matched = new Map<Synced, Event[]>();
    revision.changes.forEach((change, sub) => {
      modules.synced.stab(change.name, (synced) => {
        const { watcher } = synced;
        if (watcher.next > main) return;
        const event = revision.event(sub, watcher.prevKv);
        if (!wants(watcher, event)) return;
        const events = matched.get(synced);
        if (events) events.push(event);
        else matched.set(synced, [event]);
      });
    });
    this.main = main;
    this.#waiting = [...matched];
  }

  /** Everybody had a turn. */
  get isOver(): boolean {
    return this.#next === this.#waiting.length;
  }

  /**
   * Gives turns until about `budget` events were delivered; one at least. Whose stream is waiting goes to `fallBehind`.
   * Returns the events it was. Sinks may change the state of streams meanwhile, but not call this.
   */
  deliver(budget: number, fallBehind: (synced: Synced) => void): number {
    let work = 0;
    while (!this.isOver && work < Math.max(1, budget)) {
      const [synced, events] = this.#waiting[this.#next++]!;
      const { stream, watcher } = synced;
      if (watcher.gone) continue;
      work += events.length;
      if (stream.flush()) {
        // Before the delivery, during which anything may be asked: this revision is its own business no more.
        watcher.next = this.main + 1;
        stream.deliver(watcher, events, this.main);
      } else if (!watcher.gone) fallBehind(synced);
    }
    return work;
  }
}
