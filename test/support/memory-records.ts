/** Rows on a map: StoreRecords with the two operations of a storage layer that the store's tests need. */
import { fromLatin1, toLatin1 } from "../../src/base/bytes.ts";
import { type RowRun, runKey, type StoreRecords, type StoreWrite } from "../../src/store/storage.ts";

export class MemoryRecords implements StoreRecords {
  readonly #rows = new Map<string, Uint8Array>();

  get size(): number {
    return this.#rows.size;
  }

  /** Bytes of all keys and values. */
  get bytes(): number {
    let bytes = 0;
    for (const [key, value] of this.#rows) bytes += key.length + value.length;
    return bytes;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(toLatin1(key));
  }

  write(writes: readonly StoreWrite[]): void {
    for (const write of writes) {
      if (write.type === "run") this.#writeRun(write);
      else if (write.type === "put") this.#rows.set(toLatin1(write.key), Buffer.from(write.value));
      else this.#rows.delete(toLatin1(write.key));
    }
  }

  #writeRun(run: RowRun): void {
    for (let at = 0; at < run.length; at++) {
      this.#rows.set(toLatin1(runKey(run, at)), Buffer.from(run.value(at)));
    }
  }

  /** These rows instead of what is there. */
  replace(rows: readonly (readonly [Uint8Array, Uint8Array])[]): void {
    this.#rows.clear();
    for (const [key, value] of rows) this.#rows.set(toLatin1(key), value);
  }

  /** All rows in key order. */
  rows(): [Uint8Array, Uint8Array][] {
    return [...this.#rows.keys()].sort().map((key) => [fromLatin1(key), this.#rows.get(key)!]);
  }
}
