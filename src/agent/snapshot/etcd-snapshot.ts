/**
 * Maintenance.Snapshot (etcd.md 8.6): the state at one moment as an etcd database file, in pieces that the client pulls,
 * while writes go on. Rows come from a view of level, `store/etcd-file` says what stands in etcd's buckets, `host/bbolt` lays
 * out the pages. What a snapshot holds is the view, and a few pages.
 */
import { createHash } from "node:crypto";
import { messageOf } from "../../base/errors.ts";
import { type Index, Instant, type Term } from "../../base/ids.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import { type BucketSource, planFile, writeFile } from "../../host/bbolt/write.ts";
import type { LevelView } from "../../host/level/view.ts";
import type { Configuration } from "../../raft/entry.ts";
import type { Raft } from "../../raft/raft.ts";
import { KvError } from "../../store/errors.ts";
import {
  type EtcdEntry,
  type EtcdFileFacts,
  rowBuckets,
  smallBuckets,
  smallTables,
} from "../../store/etcd-file/buckets.ts";
import { SnapshotResponse } from "../../store/wire/admin-messages.ts";

/** Snapshots under way at once: each makes level keep old rows. Beyond it `kv.too-many-requests`. */
const snapshotsOpenMax = 4;
/** A client that takes no piece for so long has lost its snapshot. */
const idleMaxMs = 120_000;
/** Of every blob but the last two, as etcd's. */
const blobBytes = 32 * 1024;

export interface EtcdSnapshotOptions {
  /** As etcd stores it, `3.5.0`; also the version that the pieces carry. */
  readonly clusterVersion: string;
}

export interface EtcdSnapshotModules {
  readonly view: () => Promise<LevelView>;
  /** Term and configuration at a log entry that was applied a moment ago. */
  readonly raftAt: (index: Index) => { readonly term: Term; readonly configuration: Configuration };
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a whole snapshot took. */
  readonly seconds?: (seconds: number) => void;
}

export class EtcdSnapshots {
  readonly #options: EtcdSnapshotOptions;
  readonly #modules: EtcdSnapshotModules;
  #open = 0;

  constructor(options: EtcdSnapshotOptions, modules: EtcdSnapshotModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /**
   * Pieces in order; the blob of each may be overwritten when the next is asked for. Throws KvError: too many at once, or the
   * state was replaced or closed meanwhile.
   */
  async *pieces(): AsyncGenerator<SnapshotResponse, void, undefined> {
    const { clock, logger, seconds } = this.#modules;
    if (this.#open >= snapshotsOpenMax) throw new KvError("kv.too-many-requests");
    const release = this.#takeRoom();
    const started = clock.now();
    try {
      const view = await this.#modules.view();
      const idle = new IdleLimit(clock, () => {
        // Nobody else can end a snapshot that waits to be pulled, so what it holds is taken from it.
        release();
        view.close().catch((error) => logger.warn({ error: messageOf(error) }, "snapshot not closed"));
      });
      try {
        const bytes = yield* this.#stream(view, idle);
        const ms = Math.round(clock.now() - started);
        logger.info({ index: view.appliedIndex, bytes, ms }, "sent database snapshot");
        seconds?.(ms / 1000);
      } finally {
        idle.end();
        await view.close();
      }
    } catch (cause) {
      if (cause instanceof KvError) throw cause;
      throw new KvError("kv.unavailable", "the snapshot was broken off", { cause });
    } finally {
      release();
    }
  }

  /** Returns how to give it back; more than once is once. */
  #takeRoom(): () => void {
    let isTaken = true;
    this.#open++;
    return () => {
      if (isTaken) this.#open--;
      isTaken = false;
    };
  }

  async *#stream(view: LevelView, idle: IdleLimit): AsyncGenerator<SnapshotResponse, number, undefined> {
    const { clusterVersion } = this.#options;
    const buckets = await bucketsOf(view, this.#facts(view));
    const plan = await planFile(buckets);
    const sum = createHash("sha256");
    let left = plan.bytes;
    for await (const blob of blobs(writeFile(buckets, plan))) {
      sum.update(blob);
      left -= blob.length;
      idle.start();
      yield SnapshotResponse.create({ remaining_bytes: left, blob, version: clusterVersion });
      idle.end();
    }
    yield SnapshotResponse.create({ remaining_bytes: 0, blob: sum.digest(), version: clusterVersion });
    return plan.bytes;
  }

  #facts(view: LevelView): EtcdFileFacts {
    const { term, configuration } = this.#modules.raftAt(view.appliedIndex);
    return {
      index: view.appliedIndex,
      term,
      voters: configuration.voters,
      learners: configuration.learners,
      clusterVersion: this.#options.clusterVersion,
    };
  }
}

/** See `EtcdSnapshotModules.raftAt`. Level is never behind the start of raft's log, so it knows the entry. */
export function raftAt(raft: Raft, index: Index): { term: Term; configuration: Configuration } {
  return { term: raft.log.termAt(index) ?? raft.term, configuration: raft.configurations.at(index) };
}

/** Every bucket that etcd expects, over the same view. */
async function bucketsOf(view: LevelView, facts: EtcdFileFacts): Promise<BucketSource[]> {
  const rows = [];
  for (const table of smallTables) for await (const slice of view.table(table)) rows.push(...slice);
  const small = [...smallBuckets(rows, facts)].map(([name, entries]): BucketSource => {
    return { name, entries: () => inOneSlice(entries) };
  });
  const large = rowBuckets.map(({ name, table, entry }): BucketSource => {
    async function* entries(): AsyncGenerator<EtcdEntry[]> {
      for await (const slice of view.table(table)) yield slice.map(([key, row]) => entry(key, row));
    }
    return { name, entries };
  });
  return [...small, ...large];
}

async function* inOneSlice(entries: readonly EtcdEntry[]): AsyncGenerator<readonly EtcdEntry[]> {
  yield entries;
}

/** The same bytes in pieces of `blobBytes`, the last may be shorter; like those they come from, good until the next is asked for. */
async function* blobs(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  const begun = Buffer.alloc(blobBytes);
  let bytes = 0;
  for await (const piece of pieces) {
    let at = 0;
    if (bytes > 0) {
      at = piece.copy(begun, bytes);
      bytes += at;
      if (bytes < blobBytes) continue;
      yield begun;
    }
    for (; piece.length - at >= blobBytes; at += blobBytes) yield piece.subarray(at, at + blobBytes);
    bytes = piece.copy(begun, 0, at);
  }
  if (bytes > 0) yield begun.subarray(0, bytes);
}

/** Ends what a reader that has gone silent would hold for ever. */
class IdleLimit {
  readonly #clock: Clock;
  readonly #expired: () => void;
  #timer: { cancel(): void } | null = null;

  constructor(clock: Clock, expired: () => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** The reader has something to do. */
  start(): void {
    this.#timer = this.#clock.at(Instant(this.#clock.now() + idleMaxMs), this.#expired);
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
