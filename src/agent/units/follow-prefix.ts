/**
 * Follows all keys under a prefix: lists them, then watches from the next revision; goes on after a lost stream where it
 * was, and lists again when the store has compacted what was missed. The follower sees one reset, then changes, each
 * revision once and in order.
 */
import { prefixEnd, utf8 } from "../../base/bytes.ts";
import { messageOf } from "../../base/errors.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock, Logger, Timer } from "../../base/ports.ts";
import type { Event, KeyValue, KvClient, KvError, WatchStream } from "../../store/kv.ts";
import { EventType, type WatchResponse } from "../../store/wire/messages.ts";

export interface Follower {
  /** Everything there is, as of `revision`; what was known before is void. */
  reset(pairs: readonly KeyValue[], revision: number): void;
  /** Changes in order, whole revisions; the last one is `revision`. */
  change(events: readonly Event[], revision: number): void;
}

export interface FollowOptions {
  readonly prefix: string;
}

const retryFirstMs = 50;
const retryMaxMs = 2_000;

/** Starts to follow. The first `reset` comes when the store can be read; failures are logged and tried again. */
export function followPrefix(
  options: FollowOptions,
  modules: {
    readonly kv: KvClient;
    readonly clock: Clock;
    readonly logger: Logger;
    readonly follower: Follower;
  },
): { close(): void } {
  const following = new Following(options, modules);
  following.list();
  return following;
}

class Following {
  readonly #key: Uint8Array;
  readonly #end: Uint8Array;
  readonly #modules: Parameters<typeof followPrefix>[1];
  readonly #abort = new AbortController();
  #revision = 0;
  #stream: WatchStream | null = null;
  #timer: Timer | null = null;
  #failures = 0;

  constructor(options: FollowOptions, modules: Parameters<typeof followPrefix>[1]) {
    this.#key = utf8.encode(options.prefix);
    this.#end = prefixEnd(this.#key);
    this.#modules = modules;
  }

  close(): void {
    this.#abort.abort();
    this.#timer?.cancel();
    this.#stream?.close();
  }

  list(): void {
    this.#list().catch((error: unknown) => this.#again(error, () => this.list()));
  }

  async #list(): Promise<void> {
    const { kv, follower } = this.#modules;
    const signal = this.#abort.signal;
    const response = await kv.range({ key: this.#key, range_end: this.#end }, { signal });
    if (signal.aborted) return;
    this.#revision = response.header!.revision;
    follower.reset(response.kvs, this.#revision);
    this.#watch();
  }

  #watch(): void {
    // A stream is its own proof of being the current one: late calls of a former one are dropped.
    const stream: WatchStream = this.#modules.kv.openWatch({
      deliver: (response) => this.#stream !== stream || this.#deliver(response),
      closed: (error) => {
        if (this.#stream === stream) this.#lost(error);
      },
    });
    this.#stream = stream;
    stream.create({ key: this.#key, range_end: this.#end, start_revision: this.#revision + 1 });
  }

  #deliver(response: WatchResponse): boolean {
    if (response.canceled) {
      this.#stream?.close();
      this.#stream = null;
      if (response.compact_revision > 0) this.list();
      else this.#again(response.cancel_reason, () => this.#watch());
      return true;
    }
    this.#failures = 0;
    if (response.events.length === 0) return true;
    this.#revision = response.events.at(-1)!.kv!.mod_revision;
    this.#modules.follower.change(response.events, this.#revision);
    return true;
  }

  #lost(error: KvError | null): void {
    this.#stream = null;
    this.#again(error, () => this.#watch());
  }

  #again(error: unknown, what: () => void): void {
    if (this.#abort.signal.aborted) return;
    const { clock, logger } = this.#modules;
    const waitMs = Math.min(retryMaxMs, retryFirstMs * 2 ** Math.min(this.#failures++, 10));
    logger.debug({ problem: messageOf(error), waitMs }, "registry stream lost, trying again");
    this.#timer = clock.at(Instant(clock.now() + waitMs), what);
  }
}

/** Whether the event removes its key. */
export function isDelete(event: Event): boolean {
  return event.type === EventType.DELETE;
}
