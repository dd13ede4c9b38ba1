/**
 * All rows as they were at one applied index, to be read as often as needed while writes go on. Level keeps old rows for as
 * long as a view is open, so whoever opens one has to close it.
 */
import type { Index } from "../../base/ids.ts";
import { LevelError } from "./errors.ts";
import type { Database } from "./open-database.ts";
import type { Row } from "./stream-format.ts";

/** Rows, and about the bytes, read from level at a time. */
const sliceRows = 512;
const sliceBytes = 128 * 1024;

export class LevelView {
  readonly appliedIndex: Index;
  readonly #database: Database;
  readonly #snapshot: ReturnType<Database["snapshot"]>;
  /** Each holds the snapshot too. */
  readonly #iterators = new Set<ReturnType<Database["iterator"]>>();
  #closed = false;

  constructor(
    options: { readonly appliedIndex: Index },
    modules: { readonly database: Database; readonly snapshot: ReturnType<Database["snapshot"]> },
  ) {
    this.appliedIndex = options.appliedIndex;
    this.#database = modules.database;
    this.#snapshot = modules.snapshot;
  }

  /** The rows of one table (the first byte of their keys) in key order, in slices. Throws once the view is closed. */
  async *table(table: number): AsyncGenerator<Row[], void, undefined> {
    if (this.#closed) throw new LevelError("the view is closed", { code: "level.view-closed" });
    const iterator = this.#database.iterator({
      gte: Buffer.from([table]),
      lt: Buffer.from([table + 1]),
      snapshot: this.#snapshot,
      // A walk over everything must not push out what is read all the time.
      fillCache: false,
      highWaterMarkBytes: sliceBytes,
    });
    this.#iterators.add(iterator);
    try {
      for (
        let rows = await iterator.nextv(sliceRows);
        rows.length > 0;
        rows = await iterator.nextv(sliceRows)
      ) {
        yield rows;
      }
    } finally {
      this.#iterators.delete(iterator);
      await iterator.close();
    }
  }

  /** Whoever reads at the moment gets an error. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#iterators].map((iterator) => iterator.close()));
    await this.#snapshot.close();
  }
}
