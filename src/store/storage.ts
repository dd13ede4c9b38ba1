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

/** One change of a row, or many. The order inside a batch matters, and a batch is written whole or not at all. */
export type StoreWrite = RowWrite | RowRun;

export type RowWrite =
  | { readonly type: "put"; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: "del"; readonly key: Uint8Array };

/**
 * New rows whose keys count up, from a command that changed much. Their bytes are made when somebody wants them, so that
 * apply is through with a hundred thousand rows before one of them is encoded. No earlier write is of a key of the run.
 */
export interface RowRun {
  readonly type: "run";
  /** What all keys begin with; the number of the row follows, a u32 in big-endian. */
  readonly prefix: Uint8Array;
  readonly length: number;
  /** Memory that the rows take while they wait, about. */
  readonly bytes: number;
  /** `at` is below `length`. */
  value(at: number): Uint8Array;
}

export function rowsIn(write: StoreWrite): number {
  return write.type === "run" ? write.length : 1;
}

/** Bytes of a run's key behind its prefix. */
const runCounterBytes = 4;

/** The key of row `at` of a run. */
export function runKey({ prefix }: RowRun, at: number): Uint8Array {
  const key = Buffer.allocUnsafe(prefix.length + runCounterBytes);
  key.set(prefix);
  key.writeUInt32BE(at, prefix.length);
  return key;
}

/** Where a run would have the key: what its prefix would be, and the number of the row. */
export function runPosition(key: Uint8Array): { readonly prefix: Uint8Array; readonly at: number } {
  const end = key.length - runCounterBytes;
  if (end < 0) return { prefix: key, at: -1 };
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return { prefix: key.subarray(0, end), at: view.getUint32(end) };
}
