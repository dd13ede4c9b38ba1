/**
 * One watch stream inside the store: its watchers, the answers that wait to be sent, and whether its sink takes more. Calls
 * of the client only change state here; everything that is sent leaves from the hub's pump, so a sink is never entered from
 * `create`.
 */
import { KvError } from "../errors.ts";
import { headerOf } from "../header.ts";
import { type Interval, intervalOf, isEmpty } from "../interval.ts";
import type { WatchSink, WatchStream } from "../kv.ts";
import type { WatchCreateRequest, WatchResponse } from "../wire/messages.ts";
import { WatchCreateRequest as CreateRequest, WatchResponse as Response } from "../wire/messages.ts";
import type { Init } from "../wire/protobuf.ts";
import { statusTable } from "../wire/status.ts";
import type { EventBatch } from "./event-batch.ts";
import type { WatchCheck, WatchPermit } from "./permit.ts";
import { createWatcher, type Watcher } from "./watcher.ts";

/** What a stream needs of the hub. */
export interface StreamHost {
  /** The store's revision. */
  readonly revision: number;
  /** Starts serving a watcher from `watcher.next` on. */
  admit(stream: Stream, watcher: Watcher): void;
  release(stream: Stream, watcher: Watcher): void;
  closed(stream: Stream): void;
  /** The stream has something for the pump. */
  wake(stream: Stream): void;
}

export interface StreamOptions {
  /** Answers waiting for a sink that takes no more. A client that asks on regardless loses the stream. */
  readonly answersPendingMax: number;
  readonly fragmentBytes: number;
}

/** A response on its way to the sink; its events, where it has some. */
interface Outgoing {
  readonly response: WatchResponse;
  readonly batch?: EventBatch;
}

const key0 = Buffer.from([0]);
const duplicateId = "mvcc: duplicate watch ID provided on the WatchStream";
const emptyRange = "mvcc: watcher range is empty";

export class Stream implements WatchStream {
  readonly watchers = new Map<number, Watcher>();
  /** The watchers that are behind the hub's cursor, in the order of their turns. */
  readonly lagging = new Set<Watcher>();
  /** Those that want progress notifications. */
  readonly notified = new Set<Watcher>();
  /** A round of periodic progress under way: who is still to be looked at. */
  progressRound: Iterator<Watcher> | null = null;
  /** The sink said "wait". */
  blocked = false;
  ended = false;
  /** Progress was asked for and not answered yet. */
  progressWanted = false;
  readonly #options: StreamOptions;
  readonly #sink: WatchSink;
  readonly #host: StreamHost;
  readonly #permit: WatchPermit | undefined;
  #answers: Outgoing[] = [];
  #nextId = 0;

  constructor(
    options: StreamOptions,
    modules: { sink: WatchSink; host: StreamHost; permit?: WatchPermit | undefined },
  ) {
    this.#options = options;
    this.#sink = modules.sink;
    this.#host = modules.host;
    this.#permit = modules.permit;
  }

  create(init: Init<WatchCreateRequest>): void {
    if (this.ended) return;
    // By way of the encoding: fills the defaults and shares nothing with the caller.
    const request = CreateRequest.decode(CreateRequest.encode(init));
    const interval = intervalOf(request.key.length === 0 ? key0 : request.key, request.range_end);
    const check = this.#permit?.(request) ?? null;
    const refusal = this.#refusal(request, interval, check);
    if (refusal !== null) {
      this.#answer({ watch_id: -1, created: true, canceled: true, cancel_reason: refusal });
      return;
    }
    const id = request.watch_id === 0 ? this.#freeId() : request.watch_id;
    const next = request.start_revision > 0 ? request.start_revision : this.#host.revision + 1;
    const watcher = createWatcher(id, interval, request, next, check);
    this.watchers.set(id, watcher);
    if (watcher.progressNotify) this.notified.add(watcher);
    this.#answer({ watch_id: id, created: true });
    if (!this.ended) this.#host.admit(this, watcher);
  }

  cancel(watchId: number): void {
    const watcher = this.watchers.get(watchId);
    if (this.ended || watcher === undefined) return;
    this.drop(watcher);
    this.#answer({ watch_id: watchId, canceled: true });
  }

  requestProgress(): void {
    if (this.ended) return;
    this.progressWanted = true;
    this.#host.wake(this);
  }

  resume(): void {
    if (this.ended || !this.blocked) return;
    this.blocked = false;
    this.#host.wake(this);
  }

  close(): void {
    if (this.ended) return;
    this.ended = true;
    for (const watcher of this.watchers.values()) this.#retire(watcher);
    this.watchers.clear();
    this.#answers = [];
    this.#host.closed(this);
  }

  /** Ends the stream from the store's side. */
  fail(error: KvError | null): void {
    if (this.ended) return;
    this.close();
    this.#sink.closed(error);
  }

  /** Compaction overtook the watcher (etcd.md 5.5). */
  cancelCompacted(watcher: Watcher, compactRevision: number): void {
    this.drop(watcher);
    // Without a revision, as etcd: it would say that everything up to it was delivered.
    const header = headerOf(0);
    this.#answer({ header, watch_id: watcher.id, canceled: true, compact_revision: compactRevision });
  }

  /** Its client may not watch this any more. */
  cancelRefused(watcher: Watcher, reason: string): void {
    this.drop(watcher);
    this.#answer({ watch_id: watcher.id, canceled: true, cancel_reason: reason });
  }

  drop(watcher: Watcher): void {
    this.watchers.delete(watcher.id);
    this.#retire(watcher);
  }

  /** Whether the stream can take something now; sends the answers that wait first. */
  flush(): boolean {
    while (!this.blocked && this.#answers.length > 0) this.#send(this.#answers.shift()!);
    return !this.blocked && !this.ended;
  }

  /** Sends events to a watcher of this stream. The stream must not be blocked; it may be afterwards. */
  deliver(watcher: Watcher, batch: EventBatch, revision: number): void {
    watcher.active = true;
    const header = headerOf(revision);
    const pieces = watcher.fragment ? batch.pieces(this.#options.fragmentBytes) : [batch];
    for (const [at, piece] of pieces.entries()) {
      const fragment = at < pieces.length - 1;
      const outgoing = {
        response: responseOf({ header, watch_id: watcher.id, fragment }, piece),
        batch: piece,
      };
      // Pieces of one response belong together: those that the sink does not take now are kept, whatever the maximum.
      if (this.blocked) this.#answers.push(outgoing);
      else this.#send(outgoing);
    }
  }

  /** Tells that everything up to `revision` was delivered: to one watcher, or with id -1 to all of the stream. */
  sendProgress(watchId: number, revision: number): void {
    this.#send({ response: Response.create({ header: headerOf(revision), watch_id: watchId }) });
  }

  /** The order is etcd's (etcd.md 5.15). */
  #refusal(request: WatchCreateRequest, interval: Interval, check: WatchCheck | null): string | null {
    if (request.start_revision < 0) return statusTable["kv.compacted"].text;
    const forbidden = check?.() ?? null;
    if (forbidden !== null) return forbidden;
    if (isEmpty(interval)) return emptyRange;
    return request.watch_id !== 0 && this.watchers.has(request.watch_id) ? duplicateId : null;
  }

  #freeId(): number {
    while (this.watchers.has(this.#nextId)) this.#nextId += 1;
    return this.#nextId++;
  }

  #retire(watcher: Watcher): void {
    watcher.gone = true;
    this.notified.delete(watcher);
    this.#host.release(this, watcher);
  }

  #answer(init: Partial<WatchResponse>): void {
    if (this.#answers.length >= this.#options.answersPendingMax) {
      this.fail(new KvError("kv.too-many-requests", "too many watch requests wait for an answer"));
      return;
    }
    this.#answers.push({ response: Response.create({ header: headerOf(this.#host.revision), ...init }) });
    this.#host.wake(this);
  }

  #send({ response, batch }: Outgoing): void {
    if (this.ended) return;
    if (!this.#sink.deliver(response, batch)) this.blocked = true;
  }
}

/** Written out: this is made for every watcher of every revision. */
function responseOf(
  { header, watch_id, fragment }: Pick<WatchResponse, "header" | "watch_id" | "fragment">,
  { events }: EventBatch,
): WatchResponse {
  return {
    header,
    watch_id,
    created: false,
    canceled: false,
    compact_revision: 0,
    cancel_reason: "",
    fragment,
    events,
  };
}
