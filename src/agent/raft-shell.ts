/**
 * The loop that drives the raft core: events in, effects out (raft/event.ts). One turn of the event loop is one batch:
 * peers' messages and timers first, then one read round, then all proposals; the persist effects of the turn become one
 * write and one sync of the log, and while the disk works the next turn's batch forms (group commit).
 *
 * A `send-after-persist` message leaves only when every persist effect issued before it is durable. The core emits `apply`
 * only for entries that are committed and durable on this member, so the state machine's own storage is never ahead of the
 * log after a crash.
 */

import { assert, assertNever } from "../base/assert.ts";
import { hex, Index, type Instant, type MemberId, type Term } from "../base/ids.ts";
import type { Clock, Logger, Timer } from "../base/ports.ts";
import type { Entry, HardState, SnapshotMeta } from "../raft/entry.ts";
import type { DropReason, RaftEffect, RaftEvent, Role } from "../raft/event.ts";
import type { Message, Proposal } from "../raft/message.ts";
import type { Raft } from "../raft/raft.ts";
import { step } from "../raft/step.ts";
import { ReadRounds } from "./read-rounds.ts";

/** Where the log goes. Rejects once on a failed write or sync; the member then stops. */
export interface LogWriter {
  append(batch: { hardState: HardState | null; entries: readonly Entry[]; sync: boolean }): Promise<void>;
}

/** What the shell does to the member it belongs to. All calls are synchronous and come from the shell's turn. */
export interface ReplicatedMachine {
  /**
   * Committed, durable entries in order, each once. Returns how many it took: it may stop early to yield the loop, and
   * takes none while its storage is behind; `drained` then says when to go on.
   */
  apply(entries: readonly Entry[], deadline: Instant): number;
  drained(): Promise<void>;
  roleChanged(role: Role, term: Term, leader: MemberId | null): void;
  dropped(proposals: readonly Proposal[], reason: DropReason): void;
  /** Stream the state machine to `to` as the leader of `term`, then post `snapshot-sent`. */
  sendSnapshot(to: MemberId, term: Term): void;
}

/** What the shell counts for metrics. */
export interface RaftShellMetrics {
  readonly syncSeconds: (seconds: number) => void;
}

interface LogBatch {
  hardState: HardState | null;
  entries: Entry[];
  sync: boolean;
  lastSequence: number;
}

/** Committed entries applied per turn: as many as fit in this time. */
const applyBudgetMs = 5;

export class RaftShell {
  readonly #raft: Raft;
  readonly #log: LogWriter;
  readonly #machine: ReplicatedMachine;
  readonly #send: (message: Message) => void;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #fatal: (error: unknown) => void;
  readonly #metrics: RaftShellMetrics;
  readonly #reads: ReadRounds;

  #inbox: RaftEvent[] = [];
  #proposals: Proposal[] = [];
  #turn: NodeJS.Immediate | undefined;
  #started = false;
  #stopped = false;
  #installing = false;
  #wake: Timer | undefined;

  #batch: LogBatch | null = null;
  #writing: LogBatch | null = null;
  #issuedSequence = 0;
  #durableSequence = 0;
  /** A commit index that needs no sync of its own; it rides with the next batch. */
  #deferredHardState: HardState | null = null;
  #afterPersist: { sequence: number; message: Message }[] = [];

  #committed: Entry[] = [];
  #applied: Index;
  readonly #leaderListeners = new Set<() => void>();
  role: Role = "follower";
  term: Term;
  leader: MemberId | null = null;
  leaderChanges = 0;
  /** Times that this leader woke more than a heartbeat too late. */
  heartbeatsLate = 0;

  constructor(
    options: { raft: Raft },
    modules: {
      log: LogWriter;
      machine: ReplicatedMachine;
      send: (message: Message) => void;
      clock: Clock;
      logger: Logger;
      fatal: (error: unknown) => void;
      metrics: RaftShellMetrics;
    },
  ) {
    this.#raft = options.raft;
    this.#applied = options.raft.applied;
    this.term = options.raft.term;
    this.#log = modules.log;
    this.#machine = modules.machine;
    this.#send = modules.send;
    this.#clock = modules.clock;
    this.#logger = modules.logger;
    this.#fatal = modules.fatal;
    this.#metrics = modules.metrics;
    this.#reads = new ReadRounds(modules.clock, () => this.#schedule());
  }

  /** Index up to which the state machine stands. */
  get applied(): Index {
    return this.#applied;
  }

  /** Index of the last entry in the log of this member. */
  get lastIndex(): Index {
    return this.#raft.log.lastIndex;
  }

  get commit(): Index {
    return this.#raft.commit;
  }

  /** Linearizable reads that wait. */
  get readsWaiting(): number {
    return this.#reads.waiting;
  }

  /** Read rounds that had no answer in time and were asked again. */
  get readsSlow(): number {
    return this.#reads.slow;
  }

  /** Committed entries that are not applied yet. */
  get applyBacklog(): number {
    return this.#committed.length;
  }

  /** Whether this member takes part. Until `start` nothing is stepped; reads and proposals wait. */
  get started(): boolean {
    return this.#started;
  }

  start(): void {
    this.#started = true;
    this.post({ type: "start", now: this.#clock.now() });
  }

  /** Feeds an event from outside (a peer's message, a finished snapshot, a transfer). */
  post(event: RaftEvent): void {
    if (this.#stopped) return;
    if (!this.#started) {
      // Peers may knock before this member takes part; to raft their messages are lost on the way, and it asks again. All
      // other events follow from a step, and there was none.
      assert(event.type === "receive" || event.type === "unreachable", "raft's own events come after start");
      return;
    }
    this.#inbox.push(event);
    this.#schedule();
  }

  receive(message: Message): void {
    this.post({ type: "receive", now: this.#clock.now(), message });
  }

  /** Joins the batch of this turn. The caller keeps count of what is pending; see member.ts. */
  propose(data: Uint8Array, type: Proposal["type"] = "normal"): void {
    if (this.#stopped) return;
    this.#proposals.push({ type, data });
    this.#schedule();
  }

  /**
   * A read barrier: resolves when this member has applied everything that was acknowledged anywhere before the call
   * (Raft thesis 6.4). Stays pending while there is no leader; the caller brings the deadline. Returns how to give up.
   */
  read(done: () => void): () => void {
    return this.#reads.add(done);
  }

  /** Calls `listener` whenever another leader, or none, is known. Returns how to stop that. */
  onLeaderChange(listener: () => void): () => void {
    this.#leaderListeners.add(listener);
    return () => this.#leaderListeners.delete(listener);
  }

  /**
   * Replaces the state machine by a received snapshot: waits for the writes under way, then holds every event back while
   * `replace` runs. It says whether the snapshot is in place; the core hears of that before anything else.
   */
  async install(snapshot: SnapshotMeta, replace: () => Promise<boolean>): Promise<void> {
    assert(this.#started, "the first event of a member is start");
    await this.#settleWrites();
    this.#installing = true;
    try {
      if (this.#stopped || !(await replace())) return;
      this.#committed = [];
      this.#applied = snapshot.index;
      this.#inbox.unshift({ type: "snapshot-installed", now: this.#clock.now(), snapshot });
    } finally {
      this.#installing = false;
      this.#schedule();
    }
  }

  /** Resolves in a moment at which nothing is being written and nothing waits to be. */
  async #settleWrites(): Promise<void> {
    while (
      !this.#stopped &&
      (this.#writing || this.#batch || this.#inbox.length > 0 || this.#committed.length > 0)
    ) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Ends the loop and waits for the write under way. Nothing is applied or sent afterwards. */
  async close(): Promise<void> {
    this.#stop();
    while (this.#writing) await new Promise((resolve) => setImmediate(resolve));
    if (this.#deferredHardState) {
      await this.#log
        .append({ hardState: this.#deferredHardState, entries: [], sync: false })
        .catch(() => {});
    }
  }

  #stop(): void {
    this.#stopped = true;
    this.#wake?.cancel();
    this.#reads.close();
    if (this.#turn) clearImmediate(this.#turn);
    this.#inbox = [];
    this.#proposals = [];
  }

  #schedule(): void {
    if (!this.#started || this.#stopped || this.#turn || this.#installing) return;
    this.#turn = setImmediate(() => {
      this.#turn = undefined;
      if (this.#installing) return;
      try {
        this.#runTurn();
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  #fail(error: unknown): void {
    if (this.#stopped) return;
    this.#stop();
    this.#fatal(error);
  }

  #runTurn(): void {
    const now = this.#clock.now();
    const inbox = this.#inbox;
    this.#inbox = [];
    for (const event of inbox) this.#execute(step(this.#raft, event));
    const context = this.#reads.open(now);
    if (context !== null) this.#execute(step(this.#raft, { type: "read", now, context }));
    if (this.#proposals.length > 0) {
      const proposals = this.#proposals;
      this.#proposals = [];
      this.#execute(step(this.#raft, { type: "propose", now, proposals }));
    }
    this.#writeBatch();
    this.#applyCommitted();
  }

  #execute(effects: readonly RaftEffect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case "persist":
          this.#addToBatch(effect);
          break;
        case "send":
          this.#send(effect.message);
          break;
        case "send-after-persist":
          if (this.#durableSequence >= this.#issuedSequence) this.#send(effect.message);
          else this.#afterPersist.push({ sequence: this.#issuedSequence, message: effect.message });
          break;
        case "apply":
          for (const entry of effect.entries) this.#committed.push(entry);
          break;
        case "read-ready":
          this.#reads.ready(effect.context, effect.index);
          break;
        case "read-dropped":
          this.#reads.dropped(effect.context);
          break;
        case "proposals-dropped":
          this.#machine.dropped(effect.proposals, effect.reason);
          break;
        case "send-snapshot":
          this.#machine.sendSnapshot(effect.to, effect.term);
          break;
        case "expect-snapshot":
          this.#logger.info({ peer: hex(effect.from), index: effect.snapshot.index }, "snapshot announced");
          break;
        case "wake":
          this.#setWake(effect.at);
          break;
        case "role-changed":
          this.#roleChanged(effect);
          break;
        case "trace":
          this.#logger.debug({ fact: effect.fact.text }, "raft");
          break;
        default:
          assertNever(effect);
      }
    }
  }

  #roleChanged(effect: Extract<RaftEffect, { type: "role-changed" }>): void {
    const changed = effect.leader !== this.leader;
    if (changed && effect.leader !== null) this.leaderChanges++;
    this.role = effect.role;
    this.term = effect.term;
    this.leader = effect.leader;
    this.#machine.roleChanged(effect.role, effect.term, effect.leader);
    if (effect.leader !== null) this.#reads.retry();
    if (changed) for (const listener of this.#leaderListeners) listener();
  }

  #setWake(at: Instant): void {
    this.#wake?.cancel();
    this.#wake = this.#clock.at(at, () => {
      const now = this.#clock.now();
      if (this.role === "leader" && now - at > this.#raft.limits.heartbeatMs) this.heartbeatsLate++;
      this.post({ type: "wake", now });
    });
  }

  #addToBatch(effect: Extract<RaftEffect, { type: "persist" }>): void {
    this.#batch ??= { hardState: null, entries: [], sync: false, lastSequence: 0 };
    const batch = this.#batch;
    this.#issuedSequence = effect.sequence;
    batch.lastSequence = effect.sequence;
    batch.hardState = effect.hardState ?? batch.hardState;
    batch.sync ||= effect.sync;
    const first = effect.entries[0];
    if (!first) return;
    while (batch.entries.length > 0 && batch.entries.at(-1)!.index >= first.index) batch.entries.pop();
    for (const entry of effect.entries) batch.entries.push(entry);
  }

  /** Starts writing what has gathered, unless a write is under way: then it gathers on. */
  #writeBatch(): void {
    const batch = this.#batch;
    if (!batch || this.#writing) return;
    this.#batch = null;
    const hardState = batch.hardState ?? this.#deferredHardState;
    if (!batch.sync) {
      this.#deferredHardState = hardState;
      this.#persisted(batch);
      return;
    }
    this.#deferredHardState = null;
    this.#writing = batch;
    const started = this.#clock.now();
    this.#log.append({ hardState, entries: batch.entries, sync: true }).then(
      () => {
        this.#metrics.syncSeconds((this.#clock.now() - started) / 1000);
        this.#writing = null;
        if (this.#stopped) return;
        this.#persisted(batch);
        this.#schedule();
      },
      (error) => {
        this.#writing = null;
        this.#fail(error);
      },
    );
  }

  #persisted(batch: LogBatch): void {
    this.#durableSequence = batch.lastSequence;
    const last = batch.entries.at(-1);
    while (this.#afterPersist.length > 0 && this.#afterPersist[0]!.sequence <= this.#durableSequence) {
      this.#send(this.#afterPersist.shift()!.message);
    }
    this.post({
      type: "persisted",
      now: this.#clock.now(),
      sequence: batch.lastSequence,
      last: last ? { index: last.index, term: last.term } : null,
    });
  }

  #applyCommitted(): void {
    if (this.#committed.length > 0) {
      const deadline = (this.#clock.now() + applyBudgetMs) as Instant;
      const taken = this.#machine.apply(this.#committed, deadline);
      if (taken === 0) {
        this.#machine.drained().then(
          () => this.#schedule(),
          (error) => this.#fail(error),
        );
      } else {
        this.#applied = Index(this.#committed[taken - 1]!.index);
        this.#committed = this.#committed.slice(taken);
        this.post({ type: "applied", now: this.#clock.now(), index: this.#applied });
      }
    }
    this.#reads.release(this.#applied);
  }
}
