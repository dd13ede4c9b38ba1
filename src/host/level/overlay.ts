/**
 * Rows that are on their way into level: what is queued, and the batch that level is writing now. Reads look here first,
 * so they see a row from the moment it was handed over. Batches merge by key, so a key written ten times while the disk
 * was busy goes down once. A run of new rows stays one thing until level takes it.
 *
 *     write a=1, take -> writing {a=1}; write a=2 -> queued {a=2}; get a -> 2; done -> writing {}; take -> writing {a=2}
 */
import { assert } from "../../base/assert.ts";
import { toLatin1 } from "../../base/bytes.ts";
import { type RowRun, type RowWrite, runKey, runPosition, type StoreWrite } from "../../store/storage.ts";

/** What a row is fixed to cost beside its key and value. */
const rowBytes = 64;

export class Overlay {
  #queued = new Layer();
  #writing = new Layer();

  /** Approximate memory of everything not yet in level. */
  get bytes(): number {
    return this.#queued.bytes + this.#writing.bytes;
  }

  add(writes: readonly StoreWrite[]): void {
    for (const write of writes) {
      if (write.type === "run") this.#queued.addRun(write);
      else this.#queued.add(write);
    }
  }

  /** The latest write of the key, or undefined if level has the last word. */
  get(key: Uint8Array): RowWrite | undefined {
    if (this.#queued.isEmpty && this.#writing.isEmpty) return undefined;
    const name = toLatin1(key);
    return this.#queued.get(name, key) ?? this.#writing.get(name, key);
  }

  /** Moves the queued rows to the writing side; `done` ends that. */
  take(): Iterable<RowWrite> {
    assert(this.#writing.isEmpty, "one batch is written at a time");
    this.#writing = this.#queued;
    this.#queued = new Layer();
    return this.#writing.all();
  }

  /** What was taken is in level now. */
  done(): void {
    this.#writing = new Layer();
  }
}

class Layer {
  /** By key, in latin1. */
  readonly #rows = new Map<string, RowWrite>();
  /** By prefix. A row of its own is always later than the run that has its key. */
  readonly #runs = new Map<string, RowRun>();
  bytes = 0;

  get isEmpty(): boolean {
    return this.#rows.size === 0 && this.#runs.size === 0;
  }

  add(write: RowWrite): void {
    const name = toLatin1(write.key);
    const former = this.#rows.get(name);
    if (former !== undefined) this.bytes -= cost(former);
    this.#rows.set(name, write);
    this.bytes += cost(write);
  }

  addRun(run: RowRun): void {
    const name = toLatin1(run.prefix);
    assert(!this.#runs.has(name), "the rows of a run are new");
    this.#runs.set(name, run);
    this.bytes += run.bytes;
  }

  get(name: string, key: Uint8Array): RowWrite | undefined {
    const row = this.#rows.get(name);
    if (row !== undefined || this.#runs.size === 0) return row;
    const { prefix, at } = runPosition(key);
    const run = this.#runs.get(toLatin1(prefix));
    return run === undefined || at < 0 || at >= run.length
      ? undefined
      : { type: "put", key, value: run.value(at) };
  }

  *all(): Generator<RowWrite> {
    for (const run of this.#runs.values()) {
      for (let at = 0; at < run.length; at++)
        yield { type: "put", key: runKey(run, at), value: run.value(at) };
    }
    yield* this.#rows.values();
  }
}

function cost(write: RowWrite): number {
  return rowBytes + write.key.length * 2 + (write.type === "put" ? write.value.length : 0);
}
