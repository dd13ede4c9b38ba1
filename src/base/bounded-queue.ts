/**
 * A first-in first-out queue with a maximum. `push` says whether it took the item; what happens to one that does not fit
 * is the caller's decision, and has to be stated where the queue is made.
 */
export class BoundedQueue<Item> {
  readonly #max: number;
  #items: Item[] = [];
  #head = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Whether the item was taken. */
  push(item: Item): boolean {
    if (this.length >= this.#max) return false;
    this.#items.push(item);
    return true;
  }

  shift(): Item | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head]!;
    this.#items[this.#head++] = undefined as Item;
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Everything in it, in order; the queue is empty afterwards. */
  drain(): Item[] {
    const items = this.#head === 0 ? this.#items : this.#items.slice(this.#head);
    this.#items = [];
    this.#head = 0;
    return items;
  }
}
