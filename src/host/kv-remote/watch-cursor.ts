/**
 * Where one watcher stands, so that its stream can be opened again without gap or duplicate (etcd.md section 20,
 * "Resumable"). Pure. Example: created at revision 7 without a start revision -> resumes from 8; after a batch that ends with
 * revision 9 -> from 10; after a fragment that carried two events of revision 12 -> from 12, skipping two.
 */
import type { Event, WatchResponse } from "../../store/kv.ts";
import type { WatchCreateRequest } from "../../store/wire/messages.ts";
import type { Init } from "../../store/wire/protobuf.ts";

export class WatchCursor {
  /** The id that our caller knows. */
  readonly watchId: number;
  readonly #request: Init<WatchCreateRequest>;
  /** First revision that has not been delivered whole; 0 while the watcher waits for its creation. */
  #next: number;
  /** How many events of revision `#next` have been delivered, in fragments. */
  #delivered = 0;
  /** How many of them the present stream has still to repeat. */
  #skip = 0;
  /** Whether the caller has seen `created`. */
  announced = false;
  /** Whether the caller has asked to cancel. */
  canceling = false;

  constructor(watchId: number, request: Init<WatchCreateRequest>) {
    this.watchId = watchId;
    this.#request = request;
    this.#next = request.start_revision ?? 0;
  }

  /** The request that opens the watcher, the first time or again, under `wireId`. */
  open(wireId: number): Init<WatchCreateRequest> {
    this.#skip = this.#delivered;
    return { ...this.#request, watch_id: wireId, start_revision: this.#next };
  }

  /** Notes that the server has created the watcher at `revision`: without a start revision, events begin after it. */
  created(revision: number): void {
    this.announced = true;
    if (this.#next === 0) this.#next = revision + 1;
  }

  /** Takes a response with events, or a progress notification; what is left of it for the caller, or null. */
  accept(response: WatchResponse): WatchResponse | null {
    const events = this.#unseen(response.events);
    const last = response.events.at(-1)?.kv?.mod_revision;
    if (last === undefined) {
      this.#advance(response.header?.revision ?? 0);
    } else if (!response.fragment) {
      this.#advance(last);
    } else {
      const ofLast = events.filter((event) => event.kv?.mod_revision === last).length;
      this.#delivered = last === this.#next ? this.#delivered + ofLast : ofLast;
      this.#next = last;
    }
    if (events.length === 0 && response.events.length > 0) return null;
    return { ...response, events };
  }

  #advance(revision: number): void {
    if (revision < this.#next) return;
    this.#next = revision + 1;
    this.#delivered = 0;
    this.#skip = 0;
  }

  #unseen(events: Event[]): Event[] {
    if (this.#skip === 0) return events;
    const repeated = Math.min(this.#skip, events.length);
    this.#skip -= repeated;
    return events.slice(repeated);
  }
}
