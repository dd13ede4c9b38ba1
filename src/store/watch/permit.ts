/**
 * What a stream's client may watch (etcd.md 5.4, 5.15). A permit is asked at every create, with the interval as it was sent,
 * and answers with a check that stays with the watcher: when users, roles or permissions change, every check is asked again,
 * before anything of the revisions after the change is delivered.
 */
import type { WatchCreateRequest } from "../wire/messages.ts";
import type { Stream } from "./stream.ts";

/** The reason, in the words that the client gets, why this watcher must not be; null while it may. */
export type WatchCheck = () => string | null;
export type WatchPermit = (request: WatchCreateRequest) => WatchCheck;

/** A round over all watchers that are to be asked, in slices. Watchers that come or go meanwhile do no harm. */
export function* checkWatchers(streams: Iterable<Stream>): Generator<void, void, void> {
  for (const stream of streams) {
    for (const watcher of stream.watchers.values()) {
      const reason = watcher.check?.() ?? null;
      if (reason !== null) {
        stream.cancelRefused(watcher, reason);
        // At once, so that a stream with many watchers does not run into the maximum of answers that wait.
        stream.flush();
      }
      yield;
    }
  }
}
