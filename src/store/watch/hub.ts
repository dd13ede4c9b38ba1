/**
 * Serves all watch streams (etcd.md 5). The cursor is the last revision that was offered to everybody.
 *
 *   synced     has been served everything up to the cursor; gets each revision as the cursor passes it
 *   lagging    began in the past, or its stream was waiting when an event came; reads history up to the cursor, in slices
 *
 * A watcher changes sides only between two revisions: from synced to lagging with `next` = the revision that it could not
 * take, and back when `next` = cursor + 1. Both sides read the same history through Keyspace.changesOf, so nothing is
 * lost, doubled or reordered on the way, and a revision is never split. A waiting stream holds no events; only a watcher
 * for which something came up has to read again.
 *
 * A revision that many watch is offered in several turns (offer.ts). The cursor stands before it meanwhile, and nobody
 * becomes synced below it: lagging watchers wait for its end, and a new one that begins with it lags.
 */
import type { KvError, WatchSink } from "../kv.ts";
import type { Keyspace } from "../mvcc/keyspace.ts";
import { catchUp } from "./catch-up.ts";
import { EventHistory } from "./event-history.ts";
import { Offer } from "./offer.ts";
import { checkWatchers, type WatchPermit } from "./permit.ts";
import { Stream, type StreamHost } from "./stream.ts";
import type { Watcher } from "./watcher.ts";
import { WatcherGroups } from "./watcher-groups.ts";

export interface WatchOptions {
  readonly watchAnswersPendingMax: number;
  /** Size above which a response to a watcher with `fragment` is cut; also what a catch-up response aims at. */
  readonly watchFragmentBytes: number;
  /** Revisions merged into one catch-up response at most. */
  readonly watchCatchUpRevisionsMax: number;
}

export class WatchHub implements StreamHost {
  readonly #options: WatchOptions;
  readonly #keyspace: Keyspace;
  readonly #wake: () => void;
  readonly #streams = new Set<Stream>();
  readonly #synced = new WatcherGroups();
  readonly #history: EventHistory;
  /** Streams with answers to send, progress to report or watchers to catch up, in the order of their turns. */
  #busy = new Set<Stream>();
  #cursor: number;
  /** Watchers that are still to be asked whether they may go on (permit.ts). Nothing is delivered meanwhile. */
  #checks: Iterator<void> | null = null;
  /** Of revision cursor + 1, while not everybody has had a turn. */
  #offer: Offer | null = null;

  constructor(options: WatchOptions, modules: { keyspace: Keyspace; wake: () => void }) {
    this.#options = options;
    this.#keyspace = modules.keyspace;
    this.#wake = modules.wake;
    this.#history = new EventHistory({ keyspace: modules.keyspace });
    this.#cursor = modules.keyspace.revision;
  }

  /** The store's revision; while other state is being loaded, what was offered last, so that it never falls. */
  get revision(): number {
    return Math.max(this.#cursor, this.#keyspace.revision);
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** Counts them: for metrics, not for every turn. */
  get watcherCount(): number {
    let count = 0;
    for (const { watchers } of this.#streams) count += watchers.size;
    return count;
  }

  /** Watchers that are behind the cursor. */
  get laggingCount(): number {
    let count = 0;
    for (const { lagging } of this.#streams) count += lagging.size;
    return count;
  }

  open(sink: WatchSink, permit?: WatchPermit): Stream {
    const options = {
      answersPendingMax: this.#options.watchAnswersPendingMax,
      fragmentBytes: this.#options.watchFragmentBytes,
    };
    const stream = new Stream(options, { sink, host: this, permit });
    this.#streams.add(stream);
    return stream;
  }

  closeAll(error: KvError | null): void {
    for (const stream of [...this.#streams]) stream.fail(error);
  }

  /** Delivers up to about `budget` events to each side. True if there is more to do now. */
  pump(budget: number): boolean {
    if (!this.#checked(budget)) return true;
    this.#passCursor(budget);
    if (this.#offer === null) this.#serveBusy(budget);
    if (this.#cursor < this.revision) return true;
    for (const stream of this.#busy) if (this.#hasWork(stream)) return true;
    return false;
  }

  /** Who may watch what has changed: all watchers are asked before anything more is delivered. */
  checkPermits(): void {
    if (this.#streams.size === 0) return;
    this.#checks = checkWatchers(this.#streams);
    this.#wake();
  }

  /** Asks some more of them; whether all were asked. */
  #checked(budget: number): boolean {
    for (let left = budget; this.#checks !== null && left > 0; left--) {
      if (this.#checks.next().done) this.#checks = null;
    }
    return this.#checks === null;
  }

  /**
   * The periodic progress notification (etcd.md 5.12) for watchers that asked for it and heard nothing since the last. It goes
   * out with the next pumps.
   */
  notifyProgress(): void {
    for (const stream of this.#streams) {
      if (stream.notified.size === 0) continue;
      stream.progressRound = stream.notified.values();
      this.wake(stream);
    }
  }

  /** The keyspace was replaced by a later one: everybody reads on from where they are. */
  restart(): void {
    this.#offer = null;
    this.#history.clear();
    for (const stream of this.#streams) {
      for (const watcher of stream.watchers.values()) {
        if (!watcher.lagging) this.#fallBehind(stream, watcher, this.#cursor + 1);
      }
    }
    this.#cursor = this.revision;
    for (const stream of this.#streams) {
      for (const watcher of stream.watchers.values()) {
        if (watcher.next > this.#cursor) this.#catchUpDone(stream, watcher);
      }
    }
    this.#wake();
  }

  admit(stream: Stream, watcher: Watcher): void {
    if (watcher.next > (this.#offer?.main ?? this.#cursor)) this.#sync(stream, watcher);
    else this.#fallBehind(stream, watcher, watcher.next);
  }

  release(stream: Stream, watcher: Watcher): void {
    if (watcher.lagging) stream.lagging.delete(watcher);
    else this.#synced.remove(watcher);
  }

  closed(stream: Stream): void {
    this.#streams.delete(stream);
    this.#busy.delete(stream);
  }

  wake(stream: Stream): void {
    this.#busy.add(stream);
    this.#wake();
  }

  #passCursor(budget: number): void {
    // The end of an offer is the turn of those who wait for it, not of the next offer.
    if (this.#offer !== null) {
      this.#advance(this.#offer, budget);
      return;
    }
    this.#skipLost();
    let spent = 0;
    while (this.#offer === null && this.#cursor < this.revision && spent < budget) {
      spent += 1;
      if (this.#synced.size > 0) spent += this.#advance(this.#offerNext(), budget - spent);
      else this.#cursor += 1;
    }
  }

  #offerNext(): Offer {
    return new Offer(this.#history.of(this.#cursor + 1), { synced: this.#synced });
  }

  /** Goes on with an offer. Returns the work it was. */
  #advance(offer: Offer, budget: number): number {
    this.#offer = offer;
    const work = offer.advance(budget, (stream, watcher) => this.#fallBehind(stream, watcher, offer.main));
    if (offer.isOver) {
      this.#cursor = offer.main;
      this.#offer = null;
    }
    return work;
  }

  /** Synced watchers that compaction overtook before the cursor reached them: they learn it as lagging ones. */
  #skipLost(): void {
    const next = this.#cursor + 1;
    if (next >= this.#keyspace.compactRevision || this.#keyspace.remembers(next)) return;
    for (const [watcher, stream] of this.#synced.all()) {
      if (watcher.next < this.#keyspace.compactRevision) {
        this.#fallBehind(stream, watcher, Math.max(next, watcher.next));
      }
    }
    this.#cursor = this.#keyspace.compactRevision - 1;
  }

  #serveBusy(budget: number): void {
    const turn = [...this.#busy];
    let left = budget;
    for (const stream of turn) {
      if (left <= 0) return;
      // Whoever had its turn goes to the end, so that a budget is shared fairly.
      this.#busy.delete(stream);
      left -= 1 + this.#serve(stream, left);
      const waiting = stream.lagging.size > 0 || stream.progressWanted || stream.progressRound !== null;
      // A blocked stream comes back with `resume`.
      if (waiting && !stream.ended && !stream.blocked) this.#busy.add(stream);
    }
  }

  #serve(stream: Stream, budget: number): number {
    if (!stream.flush()) return 0;
    let work = 0;
    if (stream.lagging.size > 0) {
      work = catchUp(stream, {
        history: this.#history,
        compactRevision: this.#keyspace.compactRevision,
        through: this.#cursor,
        budget,
        revisionsMax: this.#options.watchCatchUpRevisionsMax,
        bytesMax: this.#options.watchFragmentBytes,
        done: (watcher) => this.#catchUpDone(stream, watcher),
      });
      stream.flush();
    }
    if (stream.progressRound !== null) work += this.#notify(stream, stream.progressRound, budget - work);
    if (stream.progressWanted && !stream.blocked && this.#isStreamServed(stream)) {
      stream.progressWanted = false;
      stream.sendProgress(-1, this.#cursor);
    }
    return work;
  }

  /** Goes on with a stream's round of periodic progress; whoever cannot be told now waits for the next round. */
  #notify(stream: Stream, round: Iterator<Watcher>, budget: number): number {
    for (let work = 0; !stream.blocked; work++) {
      if (work >= Math.max(1, budget)) return work;
      const next = round.next();
      if (next.done) break;
      const watcher = next.value;
      const idle = !watcher.active && this.#isServed(watcher);
      watcher.active = false;
      if (idle) stream.sendProgress(watcher.id, this.#cursor);
    }
    stream.progressRound = null;
    return 1;
  }

  #hasWork(stream: Stream): boolean {
    if (stream.blocked) return false;
    if (stream.lagging.size > 0 || stream.progressRound !== null) return true;
    return stream.progressWanted && this.#isStreamServed(stream);
  }

  #isStreamServed(stream: Stream): boolean {
    if (stream.lagging.size > 0 || this.#cursor < this.revision) return false;
    for (const watcher of stream.watchers.values()) if (!this.#isServed(watcher)) return false;
    return true;
  }

  /** Everything up to the cursor was delivered, and the revision that it was to start at has come (etcd.md 5.6). */
  #isServed(watcher: Watcher): boolean {
    return !watcher.lagging && watcher.start <= this.#cursor;
  }

  #sync(stream: Stream, watcher: Watcher): void {
    this.#synced.add(stream, watcher);
    watcher.lagging = false;
  }

  #fallBehind(stream: Stream, watcher: Watcher, next: number): void {
    this.#synced.remove(watcher);
    watcher.next = Math.max(next, watcher.next);
    watcher.lagging = true;
    stream.lagging.add(watcher);
    this.#busy.add(stream);
  }

  #catchUpDone(stream: Stream, watcher: Watcher): void {
    stream.lagging.delete(watcher);
    this.#sync(stream, watcher);
  }
}
