/**
 * Snapshots between members (Raft paper 7): level's content at one applied index as a stream, sent to a follower that is
 * behind the log; received into a new database that takes the old one's place when it is complete and durable.
 */
import { AgentError, messageOf } from "../base/errors.ts";
import { hex, Index, type MemberId, type Term } from "../base/ids.ts";
import type { Clock, Logger } from "../base/ports.ts";
import type { Generations } from "../host/level/generations.ts";
import { LevelStorage } from "../host/level/level-storage.ts";
import type { SnapshotMeta } from "../raft/entry.ts";
import type { InstallSnapshot } from "../raft/message.ts";
import type { Raft } from "../raft/raft.ts";
import { installSnapshot, isSnapshotNeeded } from "../raft/snapshot.ts";
import type { Store } from "../store/store.ts";
import { type LogCompaction, type SnapshotRecorder, snapshotMetaAt } from "./log-compaction.ts";
import { type ServerMeters, timed } from "./maintenance/server-meters.ts";
import type { RaftShell } from "./raft-shell.ts";
import type { StorageSlot } from "./storage-slot.ts";

/** Why a transfer did not happen; the leader tries again. */
export class SnapshotError extends AgentError<{
  code:
    | "snapshot.busy"
    | "snapshot.not-started"
    | "snapshot.stale"
    | "snapshot.unknown-index"
    | "snapshot.not-leader";
}> {
  override readonly name = "SnapshotError";
}

export interface SnapshotModules {
  readonly raft: Raft;
  readonly shell: RaftShell;
  readonly store: Store;
  readonly storage: StorageSlot;
  readonly generations: Generations;
  readonly log: SnapshotRecorder;
  readonly compaction: LogCompaction;
  /** Tells the peer what is coming. */
  readonly announce: (message: InstallSnapshot) => void;
  readonly send: (to: MemberId, meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly fatal: (error: unknown) => void;
  readonly meters: Pick<ServerMeters, "snapshots" | "snapReceiveSeconds" | "commitSeconds">;
}

export class SnapshotTransfer {
  readonly #modules: SnapshotModules;
  #receiving = false;
  #installing: Promise<void> | null = null;

  constructor(modules: SnapshotModules) {
    this.#modules = modules;
  }

  /** While not null the state machine must not be touched: its storage is being replaced. */
  get installing(): Promise<void> | null {
    return this.#installing;
  }

  /** Streams the present state to `to`, if this member still leads `term`, and tells raft how it went. */
  async send(to: MemberId, term: Term): Promise<void> {
    const { shell, clock, logger, meters } = this.#modules;
    const started = clock.now();
    let index = Index(0);
    let ok = false;
    try {
      index = await this.#stream(to, term);
      ok = true;
      logger.info({ peer: hex(to), index }, "snapshot sent");
    } catch (error) {
      logger.warn({ peer: hex(to), error: messageOf(error) }, "snapshot was not sent");
    }
    meters.snapshots.sent(hex(to), ok, (clock.now() - started) / 1000);
    shell.post({ type: "snapshot-sent", now: clock.now(), to, index, ok });
  }

  /** Takes a snapshot from the leader. Throws SnapshotError or what the stream throws; the old state then stands. */
  async receive(from: MemberId, meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const { raft, shell, generations, logger, clock, meters } = this.#modules;
    if (this.#receiving)
      throw new SnapshotError("another snapshot is being received", { code: "snapshot.busy" });
    if (!shell.started) {
      // What the initial corruption check looks at must stay, and raft hears of nothing before its start.
      throw new SnapshotError("this member does not take part yet", { code: "snapshot.not-started" });
    }
    if (meta.index <= shell.applied) {
      throw new SnapshotError("the state is already newer", { code: "snapshot.stale" });
    }
    this.#receiving = true;
    const started = clock.now();
    const received = (ok: boolean): void => {
      const seconds = (clock.now() - started) / 1000;
      meters.snapshots.received(hex(from), ok, seconds);
      if (ok) meters.snapReceiveSeconds.observe(seconds);
    };
    try {
      const path = await generations.incoming();
      const { rows, bytes } = await LevelStorage.receive({ path, meta }, chunks);
      logger.info({ peer: hex(from), index: meta.index, rows, bytes }, "snapshot received");
      await shell.install(meta, async () => {
        if (!isSnapshotNeeded(raft, meta)) return false;
        this.#installing = this.#install(meta);
        await this.#installing;
        return true;
      });
      received(true);
    } catch (error) {
      received(false);
      throw error;
    } finally {
      this.#receiving = false;
      this.#installing = null;
    }
  }

  async #stream(to: MemberId, term: Term): Promise<Index> {
    const { raft, storage, announce, send } = this.#modules;
    const { appliedIndex, chunks } = await storage.current.snapshotChunks();
    const leads = raft.role === "leader" && raft.term === term;
    const meta = snapshotMetaAt(raft, appliedIndex);
    if (!leads || !meta) {
      await chunks.return(undefined);
      const [problem, code] = leads
        ? (["the log has moved on", "snapshot.unknown-index"] as const)
        : (["this member does not lead any more", "snapshot.not-leader"] as const);
      throw new SnapshotError(problem, { code });
    }
    const announcement = installSnapshot(raft, to, appliedIndex);
    if (announcement) announce(announcement);
    await send(to, meta, chunks);
    return appliedIndex;
  }

  /** A failure in here leaves neither state whole in memory: the member stops, and finds either on its disk. */
  async #install(meta: SnapshotMeta): Promise<void> {
    const { store, storage, generations, log, compaction, logger, fatal } = this.#modules;
    try {
      // First of all: from here on nobody reads rows, the watch pump included.
      store.reset();
      await compaction.idle();
      await storage.current.close();
      await generations.install();
      const writes = timed(this.#modules.clock, this.#modules.meters.commitSeconds);
      storage.replace(await LevelStorage.open({ path: generations.path }, { logger, timed: writes }));
      for await (const rows of storage.current.rows()) store.load(rows);
      store.loaded(meta.index);
      await log.recordSnapshot(meta);
      compaction.replaced(meta.index);
      logger.info({ index: meta.index }, "snapshot installed");
    } catch (error) {
      fatal(error);
      throw error;
    }
  }
}
