/**
 * The recent past, decoded: the changes of the latest revisions, without gaps. Serves reads of fresh keys, watchers that are
 * a little late, and everything that the storage layer cannot know yet. Bounded in bytes and revisions, except that
 * revisions of the batch being filled are never dropped, since nobody else has them.
 */
import { assert } from "../../base/assert.ts";
import { type Change, valueBytesOf } from "./record.ts";

export interface RecentOptions {
  readonly recentBytesMax: number;
  readonly recentRevisionsMax: number;
}

/** What a change costs beside its bytes: object headers, roughly. */
const overheadBytes = 200;

interface Slot {
  readonly changes: Change[];
  bytes: number;
}

export class Recent {
  readonly #options: RecentOptions;
  /** Slots of the revisions #first, #first + 1 ...; those before #head are dropped. */
  #slots: Slot[] = [];
  #head = 0;
  #first = 0;
  #bytes = 0;

  constructor(options: RecentOptions) {
    this.#options = options;
  }

  /** Oldest revision held; the one after the newest if nothing is held. */
  get first(): number {
    return this.#first + this.#head;
  }

  /** Empty, to be continued by revision `next`. */
  reset(next: number): void {
    this.#slots = [];
    this.#head = 0;
    this.#first = next;
    this.#bytes = 0;
  }

  /** Opens the next revision: the caller pushes its changes onto the array, then calls `close` or `discard`. */
  open(main: number): Change[] {
    assert(main === this.#first + this.#slots.length, "revisions follow each other without gaps");
    const changes: Change[] = [];
    this.#slots.push({ changes, bytes: 0 });
    return changes;
  }

  /** Takes back an opened revision in which nothing changed. */
  discard(): void {
    this.#slots.pop();
  }

  /**
   * Ends the opened revision; drops old ones that are over the limits, but none from `keepFrom` on. Returns about what its
   * changes take in memory.
   */
  close(keepFrom: number): number {
    const slot = this.#slots[this.#slots.length - 1]!;
    for (const change of slot.changes) {
      slot.bytes += overheadBytes + change.name.length * 2 + valueBytesOf(change);
    }
    this.#bytes += slot.bytes;
    while (this.first < keepFrom && this.#tooMuch()) {
      this.#bytes -= this.#slots[this.#head]!.bytes;
      this.#slots[this.#head++] = undefined as unknown as Slot;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#slots.length) {
      this.#slots = this.#slots.slice(this.#head);
      this.#first += this.#head;
      this.#head = 0;
    }
    return slot.bytes;
  }

  /** The changes of a revision, or undefined if it is not held (any more). */
  get(main: number): readonly Change[] | undefined {
    return main < this.first ? undefined : this.#slots[main - this.#first]?.changes;
  }

  #tooMuch(): boolean {
    const { recentBytesMax, recentRevisionsMax } = this.#options;
    return this.#bytes > recentBytesMax || this.#slots.length - this.#head > recentRevisionsMax;
  }
}
