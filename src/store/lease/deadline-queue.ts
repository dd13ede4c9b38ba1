/**
 * One deadline for each lease, asked for the earliest. Deadlines mostly move later, and very often (each keepalive), so moving
 * one is only noted: the heap still has the old, earlier entry, and when that surfaces it goes back in at its new place.
 *
 *   set(1, 10)  heap 10      set(1, 19)  heap 10, noted 19      next()  heap 19 -> 19
 */
import type { Instant, LeaseId } from "../../base/ids.ts";
import { DeadlineHeap } from "./deadline-heap.ts";

interface Noted {
  at: Instant;
  /** Where its one valid entry stands in the heap; never later than `at`. */
  queued: Instant;
}

export class DeadlineQueue {
  readonly #heap = new DeadlineHeap();
  readonly #noted = new Map<LeaseId, Noted>();

  set(id: LeaseId, at: Instant): void {
    const noted = this.#noted.get(id);
    if (noted !== undefined && noted.queued <= at) {
      noted.at = at;
      return;
    }
    this.#noted.set(id, { at, queued: at });
    this.#heap.push({ at, id });
    // What deleted leases left behind would otherwise stay until its time has come.
    if (this.#heap.size > 64 && this.#heap.size > this.#noted.size * 4) {
      this.#heap.compact((entry) => this.#noted.get(entry.id)?.queued === entry.at);
    }
  }

  delete(id: LeaseId): void {
    this.#noted.delete(id);
  }

  clear(): void {
    this.#noted.clear();
    this.#heap.clear();
  }

  /** The earliest deadline, or null. */
  next(): Instant | null {
    return this.#top()?.at ?? null;
  }

  /** Takes out the lease with the earliest deadline, if that has come; null otherwise. */
  takeDue(now: Instant): LeaseId | null {
    const top = this.#top();
    if (top === undefined || top.at > now) return null;
    this.#heap.pop();
    this.#noted.delete(top.id);
    return top.id;
  }

  #top(): { at: Instant; id: LeaseId } | undefined {
    for (;;) {
      const top = this.#heap.peek();
      if (top === undefined) return undefined;
      const noted = this.#noted.get(top.id);
      if (noted?.queued === top.at) {
        if (noted.at === top.at) return top;
        noted.queued = noted.at;
        this.#heap.pop();
        this.#heap.push({ at: noted.at, id: top.id });
      } else this.#heap.pop();
    }
  }
}
