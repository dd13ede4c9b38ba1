/**
 * Follows the overlay's keys without polling: a list, then a watch from the next revision on. Whatever ends the watch (a
 * lost connection, a compaction, a leader change) leads to a new list, which shows the same as the missed events would
 * have, so there is one way to catch up. Meanwhile nothing is reported: an unreachable store changes nothing.
 */
import { prefixEnd, utf8 } from "../../base/bytes.ts";
import { messageOf } from "../../base/errors.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import type { Event, KeyValue, KvClient, WatchResponse } from "../../store/kv.ts";

/** Pause before listing again after a failure: doubled each time up to the second (flannel.md 2). */
const backoffMs = { first: 100, max: 5_000 } as const;

/** DELETE among etcd's event types. */
const deleteType = 1;

export interface KeyWatchSink {
  /** All keys at one revision. */
  snapshot(kvs: readonly KeyValue[], revision: number): void;
  put(kv: KeyValue): void;
  deleted(key: Uint8Array, revision: number): void;
  /** The store cannot be reached, or can again (null). */
  problem(problem: string | null): void;
}

/** Follows all keys with the prefix until the signal aborts. */
export async function watchKeys(
  options: { prefix: string; signal: AbortSignal },
  modules: { kv: KvClient; clock: Clock; logger: Logger; sink: KeyWatchSink },
): Promise<void> {
  const { signal } = options;
  const { kv, clock, logger, sink } = modules;
  const key = utf8.encode(options.prefix);
  const range = { key, range_end: prefixEnd(key) };
  let pauseMs: number = backoffMs.first;
  while (!signal.aborted) {
    try {
      const { kvs, header } = await kv.range(range, { signal });
      if (signal.aborted) return;
      const revision = header?.revision ?? 0;
      sink.problem(null);
      sink.snapshot(kvs, revision);
      pauseMs = backoffMs.first;
      const ended = await follow(kv, { ...range, start_revision: revision + 1 }, sink, signal);
      if (signal.aborted) return;
      logger.debug({ reason: ended }, "watch of the network's keys ended; listing again");
    } catch (error) {
      if (signal.aborted) return;
      sink.problem(messageOf(error));
      logger.debug({ reason: messageOf(error) }, "network's keys cannot be listed");
    }
    await pause(clock, pauseMs, signal);
    pauseMs = Math.min(pauseMs * 2, backoffMs.max);
  }
}

/** One watch, until it ends by itself or the signal aborts. Resolves with why. */
function follow(
  kv: KvClient,
  request: { key: Uint8Array; range_end: Uint8Array; start_revision: number },
  sink: KeyWatchSink,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve) => {
    const end = (reason: string): void => {
      signal.removeEventListener("abort", abort);
      stream.close();
      resolve(reason);
    };
    const abort = (): void => end("stopped");
    const stream = kv.openWatch({
      deliver(response) {
        if (signal.aborted) return true;
        response.events.forEach((event) => {
          report(event, response, sink);
        });
        if (response.canceled) end(response.cancel_reason || `compacted at ${response.compact_revision}`);
        return true;
      },
      closed: (error) => end(error?.message ?? "the store stopped"),
    });
    signal.addEventListener("abort", abort);
    stream.create(request);
  });
}

function report(event: Event, response: WatchResponse, sink: KeyWatchSink): void {
  const { kv } = event;
  if (!kv) return;
  if (event.type === deleteType) sink.deleted(kv.key, kv.mod_revision || (response.header?.revision ?? 0));
  else sink.put(kv);
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.at(Instant(clock.now() + ms), done);
    signal.addEventListener("abort", done);
  });
}
