/**
 * Binary heap of (deadline, lease), earliest first. Entries are never changed in place: a renewal pushes a new one and the
 * owner recognises the old one as stale when it surfaces.
 */
import type { Instant, LeaseId } from "../../base/ids.ts";

export interface Deadline {
  readonly at: Instant;
  readonly id: LeaseId;
}

export class DeadlineHeap {
  #items: Deadline[] = [];

  get size(): number {
    return this.#items.length;
  }

  clear(): void {
    this.#items = [];
  }

  peek(): Deadline | undefined {
    return this.#items[0];
  }

  push(deadline: Deadline): void {
    const items = this.#items;
    let at = items.length;
    items.push(deadline);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (items[parent]!.at <= deadline.at) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = deadline;
  }

  pop(): Deadline | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (top === undefined || last === undefined || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && items[child + 1]!.at < items[child]!.at) child += 1;
      if (items[child]!.at >= last.at) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return top;
  }

  /** Drops the stale entries when they are most of the heap. */
  compact(isCurrent: (deadline: Deadline) => boolean): void {
    const kept = this.#items.filter(isCurrent);
    this.#items = [];
    for (const deadline of kept) this.push(deadline);
  }
}
