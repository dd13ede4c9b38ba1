/**
 * Cuts the log (Raft paper 7): when enough entries or bytes have gathered since the last time, level is flushed with a sync,
 * the log records that its durable state covers this index, segments below it go, and raft forgets its entries except
 * for some that spare a slow follower a snapshot.
 */
import { Index } from "../base/ids.ts";
import type { Clock, Logger } from "../base/ports.ts";
import type { SnapshotMeta } from "../raft/entry.ts";
import { everybody } from "../raft/quorum.ts";
import type { Raft } from "../raft/raft.ts";
import { snapshotMeta } from "../raft/snapshot.ts";
import type { ServerMeters } from "./maintenance/server-meters.ts";
import type { RaftShell } from "./raft-shell.ts";
import type { StorageSlot } from "./storage-slot.ts";

/** Entries kept behind the cut for slow followers (etcd.md 18: snapshot-catchup-entries), and what they may take. */
const catchUpEntries = 5000;
const catchUpBytes = 32 << 20;

/** What it needs of the write-ahead log. */
export interface SnapshotRecorder {
  readonly bytesSinceSnapshot: number;
  recordSnapshot(meta: SnapshotMeta): Promise<void>;
}

type CutMeters = Pick<ServerMeters, "snapDatabaseSyncSeconds" | "snapSyncSeconds">;

export class LogCompaction {
  readonly #options: { readonly entries: number; readonly bytes: number };
  readonly #raft: Raft;
  readonly #shell: RaftShell;
  readonly #storage: StorageSlot;
  readonly #log: SnapshotRecorder;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #fatal: (error: unknown) => void;
  readonly #meters: CutMeters;
  #last: Index;
  #running: Promise<void> | null = null;

  constructor(
    options: { entries: number; bytes: number; last: Index },
    modules: {
      raft: Raft;
      shell: RaftShell;
      storage: StorageSlot;
      log: SnapshotRecorder;
      clock: Clock;
      logger: Logger;
      fatal: (error: unknown) => void;
      meters: CutMeters;
    },
  ) {
    this.#options = options;
    this.#last = options.last;
    this.#raft = modules.raft;
    this.#shell = modules.shell;
    this.#storage = modules.storage;
    this.#log = modules.log;
    this.#clock = modules.clock;
    this.#logger = modules.logger;
    this.#fatal = modules.fatal;
    this.#meters = modules.meters;
  }

  /** Entries were applied: cuts in the background if it is time. */
  consider(): void {
    if (this.#running) return;
    const entries = this.#shell.applied - this.#last;
    if (entries < this.#options.entries && this.#log.bytesSinceSnapshot < this.#options.bytes) return;
    if (entries === 0) return;
    this.#running = this.#cut()
      .catch((error) => this.#fatal(error))
      .finally(() => {
        this.#running = null;
      });
  }

  /** Waits for a cut under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** A received snapshot was recorded by its receiver. */
  replaced(index: Index): void {
    this.#last = index;
  }

  async #cut(): Promise<void> {
    const started = this.#clock.now();
    const index = await this.#storage.current.flush();
    const flushed = this.#clock.now();
    this.#meters.snapDatabaseSyncSeconds.observe((flushed - started) / 1000);
    const meta = snapshotMetaAt(this.#raft, index);
    if (!meta || index <= this.#last) return;
    await this.#log.recordSnapshot(meta);
    this.#meters.snapSyncSeconds.observe((this.#clock.now() - flushed) / 1000);
    this.#last = index;
    const spared = Math.max(index - catchUpEntries + 1, this.#raft.log.firstIndexWithinBytes(catchUpBytes));
    const alone = everybody(this.#raft.configurations.inForce).size === 1;
    const keepFrom = Index(alone ? index + 1 : Math.min(Math.max(1, spared), index + 1));
    this.#shell.post({ type: "compact", now: this.#clock.now(), keepFrom });
    this.#logger.info({ index, keepFrom }, "log cut");
  }
}

/** What a snapshot of the state at `index` stands for; null if raft's log no longer knows that entry. */
export function snapshotMetaAt(raft: Raft, index: Index): SnapshotMeta | null {
  return raft.log.termAt(index) === null ? null : snapshotMeta(raft, index);
}
