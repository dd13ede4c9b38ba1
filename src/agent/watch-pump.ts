/**
 * Delivers watch events in slices: the store only notes what changed, this loop lets it hand events to the streams within
 * a time budget per turn, so that no number of watchers holds the event loop.
 */
import type { Clock } from "../base/ports.ts";
import { KvError } from "../store/errors.ts";
import type { WatchSink, WatchStream } from "../store/kv.ts";

/** What the pump needs of the store: deliver within the budget; whether there is more to do at once. */
export type PumpSlice = () => boolean;

/** Slices of one turn go on for so long; other work of the loop waits meanwhile. */
const turnMs = 4;

export class WatchPump {
  readonly #slice: PumpSlice;
  readonly #clock: Clock;
  readonly #fatal: (error: unknown) => void;
  readonly #streams = new Map<WatchStream, WatchSink>();
  #turn: NodeJS.Immediate | undefined;
  #afterSlice: (() => void)[] = [];
  #closed = false;

  constructor(modules: { slice: PumpSlice; clock: Clock; fatal: (error: unknown) => void }) {
    this.#slice = modules.slice;
    this.#clock = modules.clock;
    this.#fatal = modules.fatal;
  }

  get streams(): number {
    return this.#streams.size;
  }

  /** Resolves after the first slice after which `reached` holds, when `signal` fires, or when the pump is closed. */
  async until(reached: () => boolean, signal?: AbortSignal): Promise<void> {
    while (!reached() && !this.#closed && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal?.removeEventListener("abort", done);
          resolve();
        };
        this.#afterSlice.push(done);
        signal?.addEventListener("abort", done, { once: true });
      });
    }
  }

  /** Something may be deliverable: run a slice in the next turn. */
  wake(): void {
    if (this.#closed || this.#turn) return;
    this.#turn = setImmediate(() => {
      this.#turn = undefined;
      try {
        if (this.#slices()) this.wake();
      } catch (error) {
        this.#fatal(error);
        return;
      }
      const waiting = this.#afterSlice;
      this.#afterSlice = [];
      for (const resolve of waiting) resolve();
    });
  }

  /** One turn's slices; whether there is more to do. */
  #slices(): boolean {
    const end = this.#clock.now() + turnMs;
    let more = this.#slice();
    while (more && this.#clock.now() < end) more = this.#slice();
    return more;
  }

  /** The stream as its owner uses it: every request that can make something deliverable wakes the pump. */
  track(stream: WatchStream, sink: WatchSink): WatchStream {
    this.#streams.set(stream, sink);
    const waking =
      <Args extends unknown[]>(method: (...args: Args) => void) =>
      (...args: Args): void => {
        method(...args);
        this.wake();
      };
    return {
      create: waking((request) => stream.create(request)),
      cancel: waking((watchId) => stream.cancel(watchId)),
      requestProgress: waking(() => stream.requestProgress()),
      resume: waking(() => stream.resume()),
      close: () => {
        this.#streams.delete(stream);
        stream.close();
      },
    };
  }

  /** Ends all streams: the store stops. */
  close(): void {
    this.#closed = true;
    if (this.#turn) clearImmediate(this.#turn);
    for (const [stream, sink] of this.#streams) {
      stream.close();
      sink.closed(new KvError("kv.stopped"));
    }
    this.#streams.clear();
    for (const resolve of this.#afterSlice) resolve();
  }
}
