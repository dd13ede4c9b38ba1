/**
 * How many creates and cancels of one watch stream wait for their answer, so that a client that sends very many at once is read
 * no faster than the store answers, instead of losing its stream (store/options.ts, watchAnswersPendingMax).
 */
import type { WatchRequest, WatchResponse } from "../../store/wire/messages.ts";

/** Reading stops at this many, and goes on at half of it. */
const awaitedMax = 1000;

export class WatchBacklog {
  #creates = 0;
  readonly #live = new Set<number>();
  readonly #canceling = new Set<number>();
  #full = false;

  /** Whether nothing more is to be read now. */
  get full(): boolean {
    return this.#full;
  }

  requested({ create_request, cancel_request }: WatchRequest): void {
    if (create_request) this.#creates += 1;
    // The store says nothing to the cancel of an id that it does not know.
    else if (cancel_request && this.#live.has(cancel_request.watch_id))
      this.#canceling.add(cancel_request.watch_id);
    if (this.#awaited >= awaitedMax) this.#full = true;
  }

  answered({ created, canceled, watch_id }: WatchResponse): void {
    if (created) {
      this.#creates -= 1;
      if (!canceled) this.#live.add(watch_id);
    } else if (canceled) {
      this.#live.delete(watch_id);
      this.#canceling.delete(watch_id);
    } else return;
    if (this.#awaited <= awaitedMax / 2) this.#full = false;
  }

  get #awaited(): number {
    return this.#creates + this.#canceling.size;
  }
}
