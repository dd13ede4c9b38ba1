/**
 * Rows that are on their way into level: what is queued, and the batch that level is writing now. Reads look here first,
 * so they see a row from the moment it was handed over. Batches merge by key, so a key written ten times while the disk
 * was busy goes down once.
 *
 *     write a=1, take -> writing {a=1}; write a=2 -> queued {a=2}; get a -> 2; done -> writing {}; take -> writing {a=2}
 */
import { assert } from "../../base/assert.ts";
import { toLatin1 } from "../../base/bytes.ts";
import type { StoreWrite } from "../../store/storage.ts";

/** What a row is fixed to cost beside its key and value. */
const rowBytes = 64;

interface Layer {
  readonly rows: Map<string, StoreWrite>;
  bytes: number;
}

export class Overlay {
  #queued: Layer = emptyLayer();
  #writing: Layer = emptyLayer();

  /** Approximate memory of everything not yet in level. */
  get bytes(): number {
    return this.#queued.bytes + this.#writing.bytes;
  }

  add(writes: readonly StoreWrite[]): void {
    const { rows } = this.#queued;
    for (const write of writes) {
      const name = toLatin1(write.key);
      const former = rows.get(name);
      if (former !== undefined) this.#queued.bytes -= cost(former);
      rows.set(name, write);
      this.#queued.bytes += cost(write);
    }
  }

  /** The latest write of the key, or undefined if level has the last word. */
  get(key: Uint8Array): StoreWrite | undefined {
    if (this.#queued.rows.size === 0 && this.#writing.rows.size === 0) return undefined;
    const name = toLatin1(key);
    return this.#queued.rows.get(name) ?? this.#writing.rows.get(name);
  }

  /** Moves the queued rows to the writing side; `done` ends that. */
  take(): Iterable<StoreWrite> {
    assert(this.#writing.rows.size === 0, "one batch is written at a time");
    this.#writing = this.#queued;
    this.#queued = emptyLayer();
    return this.#writing.rows.values();
  }

  /** What was taken is in level now. */
  done(): void {
    this.#writing = emptyLayer();
  }
}

function emptyLayer(): Layer {
  return { rows: new Map(), bytes: 0 };
}

function cost(write: StoreWrite): number {
  return rowBytes + write.key.length * 2 + (write.type === "put" ? write.value.length : 0);
}
