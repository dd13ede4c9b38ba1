/** One watcher: what a client asked to see, and how far it has been served. */

import type { Interval } from "../interval.ts";
import { type WatchCreateRequest, WatchFilter } from "../wire/messages.ts";
import type { WatchCheck } from "./permit.ts";

export interface Watcher {
  readonly id: number;
  readonly interval: Interval;
  readonly wantPuts: boolean;
  readonly wantDeletes: boolean;
  readonly prevKv: boolean;
  readonly fragment: boolean;
  readonly progressNotify: boolean;
  /** Whether its client may watch this; null: nobody asks. */
  readonly check: WatchCheck | null;
  /** The start_revision asked for; 0: from its creation on. */
  readonly start: number;
  /**
   * The first revision that it has not been served. Kept up to date while lagging; of a synced watcher it is only the one
   * that it began with, or behind the last that was for it, since the hub's cursor says the rest.
   */
  next: number;
  /** Lagging: `next` is behind the hub's cursor. Synced: it gets every revision as the cursor passes. */
  lagging: boolean;
  /** Whether something was sent since the last progress notification. */
  active: boolean;
  /** Canceled or closed: gets nothing more. */
  gone: boolean;
}

export function createWatcher(
  id: number,
  interval: Interval,
  request: WatchCreateRequest,
  next: number,
  check: WatchCheck | null = null,
): Watcher {
  return {
    id,
    interval,
    wantPuts: !request.filters.includes(WatchFilter.NOPUT),
    wantDeletes: !request.filters.includes(WatchFilter.NODELETE),
    prevKv: request.prev_kv,
    fragment: request.fragment,
    progressNotify: request.progress_notify,
    check,
    start: Math.max(0, request.start_revision),
    next,
    lagging: false,
    active: false,
    gone: false,
  };
}

/** Whether it wants to hear of a change of this kind. */
export function wants(watcher: Watcher, deleted: boolean): boolean {
  return deleted ? watcher.wantDeletes : watcher.wantPuts;
}
