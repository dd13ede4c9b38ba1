/**
 * Watchers that the cursor serves, in groups that are always shown the same events: equal interval, equal filters, equal wish
 * for previous pairs. A revision is matched against the groups, so ten thousand watchers of one key cost as much as one.
 */
import { IntervalIndex } from "./interval-index.ts";
import type { Stream } from "./stream.ts";
import type { Watcher } from "./watcher.ts";

export interface WatcherGroup {
  readonly wantPuts: boolean;
  readonly wantDeletes: boolean;
  readonly prevKv: boolean;
  /** Its watchers, with their streams. */
  readonly members: Map<Watcher, Stream>;
}

export class WatcherGroups {
  readonly #index = new IntervalIndex<WatcherGroup>();
  readonly #groupOf = new Map<Watcher, WatcherGroup>();

  /** Watchers in all groups. */
  get size(): number {
    return this.#groupOf.size;
  }

  add(stream: Stream, watcher: Watcher): void {
    const group = this.#find(watcher) ?? this.#create(watcher);
    group.members.set(watcher, stream);
    this.#groupOf.set(watcher, group);
  }

  /** Does nothing if the watcher is not here. */
  remove(watcher: Watcher): void {
    const group = this.#groupOf.get(watcher);
    if (group === undefined) return;
    this.#groupOf.delete(watcher);
    group.members.delete(watcher);
    if (group.members.size === 0) this.#index.remove(watcher.interval, group);
  }

  /** Calls `visit` for every group whose interval contains `key`. Nothing may come or go meanwhile. */
  stab(key: string, visit: (group: WatcherGroup) => void): void {
    this.#index.stab(key, visit);
  }

  /** Every watcher and its stream, as they are now. */
  all(): [Watcher, Stream][] {
    return [...this.#groupOf].map(([watcher, group]) => [watcher, group.members.get(watcher)!]);
  }

  #find(watcher: Watcher): WatcherGroup | undefined {
    for (const group of this.#index.at(watcher.interval)) {
      const same =
        group.wantPuts === watcher.wantPuts &&
        group.wantDeletes === watcher.wantDeletes &&
        group.prevKv === watcher.prevKv;
      if (same) return group;
    }
    return undefined;
  }

  #create(watcher: Watcher): WatcherGroup {
    const { wantPuts, wantDeletes, prevKv } = watcher;
    const group: WatcherGroup = { wantPuts, wantDeletes, prevKv, members: new Map() };
    this.#index.add(watcher.interval, group);
    return group;
  }
}
