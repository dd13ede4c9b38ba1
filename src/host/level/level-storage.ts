/**
 * The rows of the store on disk, in level. Reads are synchronous and see what was written a moment ago; writes are queued
 * and go down in large batches, each together with the index of the last entry in it. Place in the map: host/, driven by
 * agent/member.
 *
 * The write-ahead log is the durability, so a batch may be late; it is synced all the same. leveldb, when it begins a new
 * log file, closes the old one without a sync: after a power cut unsynced batches could be lost while newer ones, and
 * their applied index, are there, and no replay would notice the hole. Synced batches leave no hole, and at most one in
 * `batchIntervalMs` keeps them out of the way of the write-ahead log.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { Index } from "../../base/ids.ts";
import type { Logger } from "../../base/ports.ts";
import type { SnapshotMeta } from "../../raft/entry.ts";
import type { RowWrite, StoreRecords, StoreWrite } from "../../store/storage.ts";
import { syncDirectory } from "../wal/disk.ts";
import { StorageError } from "../wal/errors.ts";
import { LevelError } from "./errors.ts";
import { decodeMetaRow, encodeMetaRow, metaKey, metaRowVersion, storeRange } from "./meta-row.ts";
import { type Database, openDatabase, openFailed } from "./open-database.ts";
import { Overlay } from "./overlay.ts";
import { receiveSnapshot } from "./receive.ts";
import { type Row, StreamEncoder } from "./stream-format.ts";
import { LevelView } from "./view.ts";

export interface LevelOptions {
  /** Directory of the database; made if it does not exist. */
  readonly path: string;
  /** Above this much memory in queued rows `drained()` waits. 64 MiB unless given. */
  readonly pendingBytesMax?: number;
}

export interface LevelModules {
  readonly logger: Logger;
  /** Runs the synchronous write of each batch, and may measure it. */
  readonly timed?: (write: () => Promise<void>) => Promise<void>;
}

/** Rows read from level at a time, and about the size of one chunk of a snapshot stream. */
const sliceRows = 512;
/** Pause between two batches. Long enough that level takes a few percent of the disk's syncs, short for a replay. */
const batchIntervalMs = 20;
/** Rows put into a batch before the loop gets its turn: about 3 ms. Fewer than come in per turn under load must not be taken. */
const batchSliceRows = 2000;
const sliceBytes = 128 * 1024;

export class LevelStorage implements StoreRecords {
  readonly path: string;
  readonly #database: Database;
  readonly #logger: Logger;
  readonly #timed: (write: () => Promise<void>) => Promise<void>;
  readonly #pendingBytesMax: number;
  readonly #overlay = new Overlay();
  #received: SnapshotMeta | null;
  #appliedIndex: Index;
  /** How many batches were handed over, and how many of them are in level. */
  #taken = 0;
  #written = 0;
  #pumping: Promise<void> | null = null;
  #failure: StorageError | null = null;
  /** Ends the pause between two batches. */
  #hurry = signal();
  /** Fires when a batch has been written, or has failed. */
  #drained = signal();

  /** Throws LevelError: locked by another process, damaged, or of a newer release. */
  static async open(options: LevelOptions, modules: LevelModules): Promise<LevelStorage> {
    const { path } = options;
    const database = await openDatabase(path);
    try {
      const row = database.getSync(metaKey);
      const meta = row
        ? decodeMetaRow(row)
        : { version: metaRowVersion, appliedIndex: Index(0), received: null };
      if (meta.version !== metaRowVersion) {
        throw new LevelError(
          `${path} is in format ${meta.version}, this release reads ${metaRowVersion}: start the newer release`,
          { code: "level.version", path, version: meta.version },
        );
      }
      return new LevelStorage(options, { ...modules, database, meta });
    } catch (error) {
      await database.close();
      throw error instanceof LevelError ? error : openFailed(path, error);
    }
  }

  private constructor(
    options: LevelOptions,
    modules: LevelModules & {
      readonly database: Database;
      readonly meta: { readonly appliedIndex: Index; readonly received: SnapshotMeta | null };
    },
  ) {
    this.path = options.path;
    this.#pendingBytesMax = options.pendingBytesMax ?? 64 * 1024 * 1024;
    this.#database = modules.database;
    this.#logger = modules.logger;
    this.#timed = modules.timed ?? ((write) => write());
    this.#received = modules.meta.received;
    this.#appliedIndex = modules.meta.appliedIndex;
  }

  /** Of the last batch handed to `write`; after opening, of the last batch in the database. */
  get appliedIndex(): Index {
    return this.#appliedIndex;
  }

  /**
   * With what these rows were received from another member, if they were. After a crash between installing them and
   * `Wal.recordSnapshot` this is newer than the log's snapshot, and has to be recorded before raft starts.
   */
  get received(): SnapshotMeta | null {
    return this.#received;
  }

  /** Memory held by rows that are not in level yet. */
  get pendingBytes(): number {
    return this.#overlay.bytes;
  }

  /** The row's value, also if its batch is still on its way to level. Do not change the bytes. */
  get(key: Uint8Array): Uint8Array | undefined {
    const pending = this.#overlay.get(key);
    if (pending === undefined) return this.#database.getSync(key);
    return pending.type === "put" ? pending.value : undefined;
  }

  /**
   * Queues a batch, which is atomic with its applied index; keys and values must not change any more. Never waits: who
   * writes much awaits `drained()` between batches. Throws StorageError once level has refused a batch.
   */
  write(batch: readonly StoreWrite[], appliedIndex: Index): void {
    if (this.#failure) throw this.#failure;
    this.#overlay.add(batch);
    this.#appliedIndex = appliedIndex;
    this.#taken++;
    this.#pumping ??= this.#pump();
  }

  /** Resolves when the queued rows take less than `pendingBytesMax`. Throws StorageError. */
  async drained(): Promise<void> {
    while (this.#failure === null && this.#overlay.bytes > this.#pendingBytesMax) {
      this.#hurry.resolve();
      await this.#drained.promise;
    }
    if (this.#failure) throw this.#failure;
  }

  /** Waits until all that was written so far is durable. Returns its applied index. Throws StorageError. */
  async flush(): Promise<Index> {
    const index = this.#appliedIndex;
    await this.#settle();
    try {
      await syncDirectory(this.path);
    } catch (cause) {
      throw this.#fail(cause);
    }
    return index;
  }

  /** All rows of the store in key order, in slices; as of now, whatever is written meanwhile. */
  async *rows(): AsyncGenerator<Row[]> {
    await this.#settle();
    yield* this.#slices(undefined);
  }

  /**
   * The rows as a stream, as of one applied index, while writes go on. Resolves once the view is fixed. The stream has to
   * be read to its end or returned, otherwise level keeps the old rows.
   */
  async snapshotChunks(): Promise<{ appliedIndex: Index; chunks: AsyncGenerator<Uint8Array> }> {
    const { appliedIndex, snapshot } = await this.#pin();
    return { appliedIndex, chunks: this.#encode(appliedIndex, snapshot) };
  }

  /** The rows as of one applied index, to be read again and again. To be closed. */
  async view(): Promise<LevelView> {
    const { appliedIndex, snapshot } = await this.#pin();
    return new LevelView({ appliedIndex }, { database: this.#database, snapshot });
  }

  /** Merges the files of the database, so that the space of deleted rows is given back; in a thread of level's. */
  async compactFiles(): Promise<void> {
    await this.#settle();
    // `level` does not declare what it passes on of classic-level.
    const { compactRange } = this.#database as unknown as {
      compactRange?: (start: Uint8Array, end: Uint8Array) => Promise<void>;
    };
    await compactRange?.call(this.#database, metaKey, storeRange.lt);
  }

  async #pin(): Promise<{ appliedIndex: Index; snapshot: ReturnType<Database["snapshot"]> }> {
    await this.#settle();
    // Batches may go on; a snapshot falls between two of them, and its own meta row says which.
    const snapshot = this.#database.snapshot();
    const row = this.#database.getSync(metaKey, { snapshot });
    return { appliedIndex: row ? decodeMetaRow(row).appliedIndex : Index(0), snapshot };
  }

  /**
   * Writes a received stream into the new database at `path`, durably, together with `meta`. Throws LevelError for a
   * stream that is damaged or stands at another index; `path` is then rubbish, to be removed by the caller.
   */
  static receive(
    options: { readonly path: string; readonly meta: SnapshotMeta },
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<{ readonly rows: number; readonly bytes: number }> {
    return receiveSnapshot(options, chunks);
  }

  /** Writes what is queued, makes it durable and closes. */
  async close(): Promise<void> {
    try {
      if (!this.#failure) await this.flush();
    } finally {
      this.#failure ??= new StorageError(`${this.path} is closed`, {
        code: "storage.closed",
        path: this.path,
      });
      await this.#database.close();
    }
  }

  /** Resolves when every batch handed over so far is in level. */
  async #settle(): Promise<void> {
    const goal = this.#taken;
    while (this.#failure === null && this.#written < goal) {
      this.#hurry.resolve();
      await this.#drained.promise;
    }
    if (this.#failure) throw this.#failure;
  }

  /** Writes what is queued, in one batch, until nothing is. Rows that come meanwhile form the next batch. */
  async #pump(): Promise<void> {
    // The rest of this turn of the loop joins the first batch.
    await Promise.resolve();
    try {
      while (this.#written < this.#taken) {
        const upTo = this.#taken;
        const meta = encodeMetaRow(this.#appliedIndex, this.#received);
        await this.#writeBatch(this.#overlay.take(), meta);
        this.#overlay.done();
        this.#written = upTo;
        this.#wakeDrained();
        await this.#pause();
      }
    } catch (cause) {
      this.#fail(cause);
    } finally {
      this.#pumping = null;
    }
  }

  /** Lets rows gather for the next batch, until somebody waits for them. */
  async #pause(): Promise<void> {
    const timer = setTimeout(() => this.#hurry.resolve(), batchIntervalMs);
    await this.#hurry.promise;
    clearTimeout(timer);
    this.#hurry = signal();
  }

  /** One atomic batch, handed to level in slices so that a large one does not hold the loop. */
  async #writeBatch(writes: Iterable<RowWrite>, meta: Uint8Array): Promise<void> {
    const batch = this.#database.batch();
    let rows = 0;
    for (const write of writes) {
      if (write.type === "put") batch.put(write.key, write.value);
      else batch.del(write.key);
      if (++rows % batchSliceRows === 0) await nextTurn();
    }
    batch.put(metaKey, meta);
    await this.#timed(() => batch.write({ sync: true }));
  }

  #wakeDrained(): void {
    this.#drained.resolve();
    this.#drained = signal();
  }

  #fail(cause: unknown): StorageError {
    this.#failure ??= new StorageError(
      `cannot write ${this.path}: the member stops; look at the disk and start it again`,
      { code: "storage.write-failed", path: this.path },
      { cause },
    );
    this.#logger.error({ path: this.path, error: cause }, "database write failed");
    this.#wakeDrained();
    return this.#failure;
  }

  async *#encode(
    appliedIndex: Index,
    snapshot: ReturnType<Database["snapshot"]>,
  ): AsyncGenerator<Uint8Array> {
    try {
      const encoder = new StreamEncoder();
      yield encoder.head(appliedIndex);
      for await (const rows of this.#slices(snapshot)) yield encoder.rows(rows);
      yield encoder.end();
    } finally {
      await snapshot.close();
    }
  }

  async *#slices(snapshot: ReturnType<Database["snapshot"]> | undefined): AsyncGenerator<Row[]> {
    const iterator = this.#database.iterator({
      ...storeRange,
      ...(snapshot ? { snapshot } : {}),
      highWaterMarkBytes: sliceBytes,
    });
    const next = (): Promise<Row[]> => {
      const rows = iterator.nextv(sliceRows);
      // Who ends early never awaits what was on its way.
      rows.catch(() => {});
      return rows;
    };
    try {
      // While the caller looks at some rows, a thread of level's reads the next.
      for (let coming = next(); ; ) {
        const rows = await coming;
        if (rows.length === 0) return;
        coming = next();
        yield rows;
      }
    } finally {
      await iterator.close();
    }
  }
}

function signal(): PromiseWithResolvers<void> {
  return Promise.withResolvers<void>();
}
