/**
 * The decoder's table of recent fields (RFC 7541, 2.3.2). New entries have index 0 and push out the oldest:
 *
 *   insert a, insert b, insert c   ->  at(0) = c, at(1) = b, at(2) = a
 *   resize so that two fit         ->  at(0) = c, at(1) = b
 */
import type { HeaderField } from "./field.ts";

export class DynamicTable {
  /** Oldest first; those before `#head` are gone. */
  #entries: (HeaderField | undefined)[] = [];
  #head = 0;
  #bytes = 0;
  #bytesMax: number;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** By age, the newest is 0; undefined if there is none. */
  at(age: number): HeaderField | undefined {
    const place = this.#entries.length - 1 - age;
    return place < this.#head ? undefined : this.#entries[place];
  }

  /** A field that is larger than the whole table empties it, which is no error (RFC 7541, 4.4). */
  insert(field: HeaderField): void {
    this.#evict(this.#bytesMax - field.bytes);
    if (field.bytes > this.#bytesMax) return;
    this.#entries.push(field);
    this.#bytes += field.bytes;
  }

  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#evict(bytesMax);
  }

  #evict(bytesLeft: number): void {
    while (this.#bytes > bytesLeft && this.#head < this.#entries.length) {
      this.#bytes -= this.#entries[this.#head]!.bytes;
      this.#entries[this.#head++] = undefined;
    }
    if (this.#head > 64 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }
}
