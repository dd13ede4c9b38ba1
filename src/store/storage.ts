/**
 * What the store needs from a disk, and what it gives to it: ordered rows of bytes. Implemented by host/level and, in
 * tests, by a map. The store never waits: reads are synchronous, writes are values that somebody else carries out.
 */

/**
 * Rows by key, read synchronously. A row is visible from the moment that the batch which wrote it was handed over,
 * durable or not; the batch that `Store.apply` is still filling may be invisible, the store remembers that one itself.
 */
export interface StoreRecords {
  /** The row's value, or undefined. The bytes must not change afterwards; the store keeps views into them. */
  get(key: Uint8Array): Uint8Array | undefined;
}

/** One change of a row. The order inside a batch matters, and a batch is written whole or not at all. */
export type StoreWrite =
  | { readonly type: "put"; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: "del"; readonly key: Uint8Array };
