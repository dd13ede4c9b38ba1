/**
 * The write-ahead log of one member: what raft must not forget (term, vote, entries, snapshot metadata). Group commit: a
 * batch is one write that is durable when it resolves. The log is a row of preallocated segments; when the state
 * machine's own durable state covers a segment, it goes. Place in the map: host/, driven by agent/raft-shell.
 *
 * Disk trips, measured on the test machine (virtio, ext4, 4 KiB batches, median): zero-filled file with O_DSYNC 150 us,
 * write then fdatasync 140-180 us, either one on a sparse file 210-290 us. O_DSYNC it is: as fast, and one trip to the
 * thread pool instead of two, so the loop is woken once.
 */
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { AssertionFailure, assert } from "../../base/assert.ts";
import { AgentError, errnoOf } from "../../base/errors.ts";
import { Index } from "../../base/ids.ts";
import type { Logger } from "../../base/ports.ts";
import type { Entry, HardState, SnapshotMeta } from "../../raft/entry.ts";
import { beginLog, headOf, makeDirectory } from "./begin.ts";
import { type Disk, realDisk, syncDirectory } from "./disk.ts";
import { StorageError, WalError } from "./errors.ts";
import { NextSegment } from "./next-segment.ts";
import { recordBytes } from "./record.ts";
import { RecordBatch } from "./record-batch.ts";
import { entryRecordBytes, type WalMetadata, type WalRecord } from "./record-body.ts";
import { holdsLog, type Recovered, type Repair, recover } from "./recovery.ts";
import type { WalState } from "./replay.ts";
import { type SegmentName, segmentFile } from "./segment-name.ts";
import { nameSegment, SegmentWriter, writeFailed } from "./segment-writer.ts";

export interface WalOptions {
  /** Made if it does not exist; its parent must. */
  readonly directory: string;
  readonly metadata: WalMetadata;
  /**
   * Whether this member has had a log before. Then a directory without one is refused: with an empty log the member would
   * vote again in terms in which it has voted, and miss entries that it has acknowledged. A new log is begun unless given.
   */
  readonly existing?: boolean;
  /** Preallocated size of a segment; 64 MiB unless given. A batch that is larger makes its segment larger. */
  readonly segmentBytes?: number;
}

export interface WalModules {
  readonly logger: Logger;
  /** For tests that make the disk fail. */
  readonly disk?: Disk;
}

/** What raft wants durable. */
export interface WalBatch {
  readonly hardState: HardState | null;
  /** Consecutive; the first is at most one behind the last appended and replaces the tail from its index. */
  readonly entries: readonly Entry[];
  /** False when only `commit` moved: it rides along with the next batch that syncs, or with `close`. */
  readonly sync: boolean;
}

const segmentBytesDefault = 64 * 1024 * 1024;
/** The first segment of a new log is small, so that an empty member starts at once. */
const firstSegmentBytesMax = 4 * 1024 * 1024;
const sealBytes = recordBytes(8);
const hardStateBytes = recordBytes(24);

export class Wal {
  readonly #directory: string;
  readonly #metadata: WalMetadata;
  readonly #logger: Logger;
  readonly #disk: Disk;
  readonly #batch: RecordBatch;
  readonly #next: NextSegment;
  readonly #older: SegmentName[];
  #segment: SegmentWriter;
  #hardState: HardState;
  #hardStateDirty = false;
  #snapshot: SnapshotMeta;
  #lastIndex: Index;
  #bytes: number;
  /** Bytes of entries appended since the log was opened. */
  bytesWritten = 0;
  #failure: StorageError | null = null;
  #tail: Promise<void> = Promise.resolve();

  /**
   * Opens the log, or begins one. Throws WalError for a log that must not be used (nothing is changed then) and
   * StorageError or Node's own errors for a disk that does not work.
   */
  static async open(
    options: WalOptions,
    modules: WalModules,
  ): Promise<{ wal: Wal; recovered: WalState & { readonly repaired: Repair | null } }> {
    const { directory, metadata } = options;
    if (options.existing && !(await holdsLog(directory))) throw missing(directory);
    await makeDirectory(directory);
    let recovered = await recover(directory, metadata).catch((cause) => {
      throw readFailed(directory, cause);
    });
    if (recovered.segments.length === 0) {
      const bytes = Math.min(segmentBytesOf(options), firstSegmentBytesMax);
      recovered = await beginLog({ directory, metadata, bytes }, recovered.state);
    }
    const { state, repaired } = recovered;
    const wal = new Wal(options, modules, recovered);
    const fields = { path: wal.#segment.path, offset: recovered.offset, entries: state.entries.length };
    if (repaired) modules.logger.warn(repaired, "the torn end of the log was cut, a copy is kept");
    modules.logger.info(fields, "log opened");
    return { wal, recovered: { ...state, repaired } };
  }

  private constructor(options: WalOptions, modules: WalModules, recovered: Recovered) {
    const { state } = recovered;
    this.#directory = options.directory;
    this.#metadata = options.metadata;
    this.#logger = modules.logger;
    this.#disk = modules.disk ?? realDisk;
    this.#batch = new RecordBatch(recovered.checksum);
    this.#next = new NextSegment({ directory: options.directory, bytes: segmentBytesOf(options) });
    this.#older = recovered.segments.slice(0, -1);
    this.#segment = this.#openSegment(recovered.segments.at(-1)!, recovered.offset);
    this.#hardState = state.hardState;
    this.#snapshot = state.snapshot;
    this.#lastIndex = Index(state.snapshot.index + state.entries.length);
    this.#bytes = state.bytes;
  }

  /** Bytes of entries appended since the last `recordSnapshot`; after a start, those of the entries behind it. */
  get bytesSinceSnapshot(): number {
    return this.#bytes;
  }

  /**
   * One write. With `sync` it is durable when it resolves. Calls may overlap; they are written in order, so the caller
   * bounds how many there are. Throws StorageError, and from then on always.
   */
  append(batch: WalBatch): Promise<void> {
    return this.#inOrder(() => this.#append(batch));
  }

  /**
   * Records durably that the state machine's own durable state covers `meta.index`, then removes the segments that hold
   * nothing newer. A snapshot ahead of the log, or of another history (Raft paper 7), replaces the log.
   */
  recordSnapshot(meta: SnapshotMeta): Promise<void> {
    return this.#inOrder(() => this.#recordSnapshot(meta));
  }

  /** Waits for what was asked before, writes a commit that is still in memory, and closes. Idempotent. */
  async close(): Promise<void> {
    if (this.#failure?.code === "storage.closed") return;
    const broken = this.#failure !== null;
    try {
      if (!broken) await this.#inOrder(() => this.#write([]));
    } finally {
      this.#failure = new StorageError(`${this.#directory} is closed`, {
        code: "storage.closed",
        path: this.#directory,
      });
      this.#segment.close();
      await this.#next.close();
    }
  }

  async #append(batch: WalBatch): Promise<void> {
    const { entries, hardState } = batch;
    if (hardState !== null) {
      this.#hardState = hardState;
      this.#hardStateDirty = true;
    }
    if (!batch.sync && entries.length === 0) return;
    this.#checkOrder(entries);
    let bytes = 0;
    const records = entries.map((entry): WalRecord => {
      bytes += entryRecordBytes(entry);
      return { type: "entry", entry };
    });
    await this.#write(records, bytes);
    this.#bytes += bytes;
    this.bytesWritten += bytes;
    this.#lastIndex = entries.at(-1)?.index ?? this.#lastIndex;
  }

  /** What `recover` would refuse must not be written. */
  #checkOrder(entries: readonly Entry[]): void {
    const first = entries[0]?.index ?? Index(this.#lastIndex + 1);
    assert(first <= this.#lastIndex + 1, "appended entries follow the log without a gap");
    assert(first > this.#snapshot.index, "appended entries are behind the snapshot");
    assert(
      entries.every((entry, i) => entry.index === first + i),
      "appended entries are consecutive",
    );
  }

  async #recordSnapshot(meta: SnapshotMeta): Promise<void> {
    assert(meta.index >= this.#snapshot.index, "a snapshot does not go back");
    const lists = meta.configuration;
    const ids = lists.voters.length + lists.votersOutgoing.length + lists.learners.length;
    await this.#write([{ type: "snapshot", meta }], recordBytes(28 + 8 * ids));
    this.#snapshot = meta;
    this.#lastIndex = Index(Math.max(this.#lastIndex, meta.index));
    this.#bytes = 0;
    await this.#release();
  }

  /** Writes `records`, which take `bytes`, with the hard state in front if it changed. */
  async #write(records: readonly WalRecord[], bytes = 0): Promise<void> {
    const dirty = this.#hardStateDirty;
    if (!dirty && records.length === 0) return;
    if (!this.#segment.fits(bytes + (dirty ? hardStateBytes : 0) + sealBytes)) await this.#rotate();
    const all = dirty ? [{ type: "hard-state", hardState: this.#hardState } as const, ...records] : records;
    this.#hardStateDirty = false;
    await this.#segment.write(this.#batch.encode(all, this.#segment.place));
    if (this.#segment.halfFull) this.#next.start();
  }

  /**
   * The new segment gets its name before the old one is sealed: so a sealed last segment means that one was lost, and an
   * unsealed one in front of an empty last segment is this moment interrupted.
   */
  async #rotate(): Promise<void> {
    const old = this.#segment;
    const name = { sequence: old.name.sequence + 1, firstIndex: Index(this.#lastIndex + 1) };
    const seal = Buffer.from(this.#batch.encode([{ type: "seal", next: name.sequence }], old.place));
    const place = { sequence: name.sequence, offset: 0 };
    const head = this.#batch.encode(headOf(name, this.#metadata, this.#hardState, this.#snapshot), place);
    const temporary = await this.#next.take().catch((cause) => {
      throw writeFailed(this.#next.path, cause);
    });
    await nameSegment(this.#directory, temporary, name, head);
    await old.write(seal);
    this.#segment = this.#openSegment(name, head.length);
    this.#older.push(old.name);
    old.close();
    this.#logger.debug({ path: this.#segment.path }, "log segment begun");
  }

  /** Entries in a segment are smaller than the first index of the next one. */
  async #release(): Promise<void> {
    let released = 0;
    for (;;) {
      const oldest = this.#older[0];
      const next = this.#older[1] ?? this.#segment.name;
      if (oldest === undefined || next.firstIndex - 1 > this.#snapshot.index) break;
      await unlink(join(this.#directory, segmentFile(oldest)));
      this.#older.shift();
      released++;
    }
    if (released > 0) await syncDirectory(this.#directory);
  }

  #openSegment(name: SegmentName, offset: number): SegmentWriter {
    return new SegmentWriter({ directory: this.#directory, name, offset }, { disk: this.#disk });
  }

  /** Runs `work` behind all that was asked before; the first failure is the failure of everything after it. */
  #inOrder(work: () => Promise<void>): Promise<void> {
    const done = this.#tail.then(async () => {
      if (this.#failure !== null) throw this.#failure;
      try {
        await work();
      } catch (cause) {
        this.#failure = cause instanceof StorageError ? cause : writeFailed(this.#directory, cause);
        throw cause instanceof AssertionFailure ? cause : this.#failure;
      }
    });
    this.#tail = done.catch(() => {});
    return done;
  }
}

function missing(directory: string): WalError {
  return new WalError(
    `${directory} holds no log, but this member has had one: restore it, or remove the member from the cluster, empty its ` +
      "data directory and add it again",
    { code: "wal.missing", path: directory },
  );
}

function segmentBytesOf(options: WalOptions): number {
  return options.segmentBytes ?? segmentBytesDefault;
}

/** A refusal of the file system as an operating error; anything else, a WalError included, as it is. */
function readFailed(directory: string, cause: unknown): unknown {
  const errno = errnoOf(cause);
  if (errno === undefined || cause instanceof AgentError || !(cause instanceof Error)) return cause;
  const path = "path" in cause && typeof cause.path === "string" ? cause.path : directory;
  return new StorageError(
    `${path} cannot be read (${errno}): look at its owner and mode`,
    { code: "storage.read-failed", path },
    { cause },
  );
}
