/** Virtual time: what is to happen, in order of time and then of entry. Nothing waits; time jumps to the next item. */
interface Item {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A priority queue of things to do (binary heap). */
export class Agenda {
  now = 0;
  #order = 0;
  readonly #heap: Item[] = [];

  /** Runs `run` at `at`, or now if that has passed. */
  at(at: number, run: () => void): void {
    const heap = this.#heap;
    heap.push({ at: Math.max(at, this.now), order: this.#order++, run });
    let child = heap.length - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!isBefore(heap[child]!, heap[parent]!)) break;
      [heap[child], heap[parent]] = [heap[parent]!, heap[child]!];
      child = parent;
    }
  }

  after(ms: number, run: () => void): void {
    this.at(this.now + ms, run);
  }

  /** Does everything that is due up to `end`, which is then the present. */
  runUntil(end: number): void {
    while (this.#heap.length > 0 && this.#heap[0]!.at <= end) {
      const item = this.#pop();
      this.now = item.at;
      item.run();
    }
    this.now = Math.max(this.now, end);
  }

  #pop(): Item {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let parent = 0; ; ) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < heap.length && isBefore(heap[child]!, heap[least]!)) least = child;
      }
      if (least === parent) return first;
      [heap[least], heap[parent]] = [heap[parent]!, heap[least]!];
      parent = least;
    }
  }
}

function isBefore(left: Item, right: Item): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
