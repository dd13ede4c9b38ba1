/**
 * Remembers the last few header blocks and the requests they made. A client in full flight sends the same few bytes again and
 * again, each a reference into the table; as long as the table has not changed they mean the same.
 */
import type { RequestHeaders } from "./request-headers.ts";

/** More than the methods that one client uses at a time; a miss costs comparing this many lengths. */
const entriesMax = 8;
/** Longer blocks hold literals, which hardly repeat. */
const blockBytesMax = 256;

export class HeaderMemo {
  #entries: { readonly block: Uint8Array; readonly headers: RequestHeaders }[] = [];
  #next = 0;
  /** The state of the decoder's table that the entries belong to. */
  #changes = 0;

  /** The request of the same bytes at the same state of the table, or null. */
  find(bytes: Uint8Array, start: number, end: number, changes: number): RequestHeaders | null {
    if (changes !== this.#changes) return null;
    for (const { block, headers } of this.#entries) {
      if (block.length === end - start && isEqual(block, bytes, start)) return headers;
    }
    return null;
  }

  /** `changes` is the decoder's state before and after this block, which therefore must not have changed it. */
  add(bytes: Uint8Array, start: number, end: number, changes: number, headers: RequestHeaders): void {
    if (end - start > blockBytesMax) return;
    if (changes !== this.#changes) {
      this.#changes = changes;
      this.#entries = [];
      this.#next = 0;
    }
    this.#entries[this.#next] = { block: bytes.slice(start, end), headers };
    this.#next = (this.#next + 1) % entriesMax;
  }
}

function isEqual(block: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < block.length; i++) if (block[i] !== bytes[start + i]) return false;
  return true;
}
