/**
 * Events on their way to watchers, encoded once for all who get the same. A batch is a list that grows at its end and is
 * shared by its beginnings: appending the same event to the same batch gives the same batch again. So watchers that are shown
 * equal events, whatever their intervals and filters, end up with one object, one array and one encoding.
 *
 *   empty --a--> [a] --b--> [a b]        a third watcher that wants only b has    empty --b--> [b]
 */
import { type Event, WatchResponse } from "../wire/messages.ts";

/** One event as it is shown to watchers of one kind. Not to be altered. */
export class SharedEvent {
  readonly event: Event;
  #encoded: Uint8Array | null = null;

  constructor(event: Event) {
    this.event = event;
  }

  /** The event as it stands in an encoded WatchResponse, its tag included. */
  get encoded(): Uint8Array {
    this.#encoded ??= WatchResponse.encode({ events: [this.event] });
    return this.#encoded;
  }
}

/** What a piece of a cut response holds besides its events: header, watch id, flags. */
const responseBytes = 80;

/** The events of one response. Not to be altered. */
export class EventBatch {
  readonly length: number;
  readonly #before: EventBatch | null;
  readonly #last: SharedEvent | null;
  /** Nearly all batches grow in one way only; the map is for the others. */
  #grown: EventBatch | null = null;
  #otherwise: Map<SharedEvent, EventBatch> | null = null;
  #events: Event[] | null = null;
  #encoded: Uint8Array | null = null;
  #pieces: EventBatch[] | null = null;

  private constructor(before: EventBatch | null, last: SharedEvent | null) {
    this.#before = before;
    this.#last = last;
    this.length = before === null ? 0 : before.length + 1;
  }

  /** A beginning of its own: only batches that grew from the same one are shared. */
  static empty(): EventBatch {
    return new EventBatch(null, null);
  }

  /** This batch and `event` behind it. */
  with(event: SharedEvent): EventBatch {
    if (this.#grown === null) {
      this.#grown = new EventBatch(this, event);
      return this.#grown;
    }
    if (this.#grown.#last === event) return this.#grown;
    this.#otherwise ??= new Map();
    let grown = this.#otherwise.get(event);
    if (grown === undefined) {
      grown = new EventBatch(this, event);
      this.#otherwise.set(event, grown);
    }
    return grown;
  }

  get events(): Event[] {
    this.#events ??= this.#shared().map((shared) => shared.event);
    return this.#events;
  }

  /** The events one behind the other, as they stand in an encoded WatchResponse. */
  get encoded(): Uint8Array {
    if (this.#encoded === null) {
      const pieces = this.#shared().map((shared) => shared.encoded);
      this.#encoded = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    }
    return this.#encoded;
  }

  /**
   * The same events in pieces whose responses have at most `bytesMax`, or one event where that alone is longer (etcd.md 5.11).
   * `bytesMax` is the same at every call.
   */
  pieces(bytesMax: number): readonly EventBatch[] {
    this.#pieces ??= this.#cut(bytesMax - responseBytes);
    return this.#pieces;
  }

  #cut(bytesMax: number): EventBatch[] {
    const pieces: EventBatch[] = [];
    let piece = EventBatch.empty();
    let bytes = 0;
    for (const shared of this.#shared()) {
      const more = shared.encoded.length;
      if (piece.length > 0 && bytes + more > bytesMax) {
        pieces.push(piece);
        piece = EventBatch.empty();
        bytes = 0;
      }
      piece = piece.with(shared);
      bytes += more;
    }
    if (pieces.length === 0) return [this];
    pieces.push(piece);
    return pieces;
  }

  #shared(): SharedEvent[] {
    const list: SharedEvent[] = new Array(this.length);
    let at: EventBatch = this;
    while (at.#before !== null) {
      list[at.length - 1] = at.#last!;
      at = at.#before;
    }
    return list;
  }
}
