/**
 * The replicated state machine: committed commands in, answers and rows out. Pure and synchronous; every member that applies
 * the same entries holds the same state (hash.ts says so). The member around it (agent/member) proposes, waits, stores the
 * rows and adds who answered; this class decides.
 *
 * Use: `load` all rows, `loaded`; then for every committed entry `apply` or `skip`, hand the collected writes to storage, and
 * `pump` until it says that nothing is left. Reads are `range` and `readTxn` at any time in between.
 */
import { assert } from "../base/assert.ts";
import { Index, type Instant } from "../base/ids.ts";
import { AlarmTable } from "./alarms.ts";
import { type Applied, Applier } from "./apply.ts";
import { Auth } from "./auth/auth.ts";
import { noTokens, type TokenSink } from "./auth/tokens.ts";
import { checkRange, checkTxn } from "./check.ts";
import type { CommandKind, CommandOf } from "./command.ts";
import { leaseGrantCostBytes } from "./cost.ts";
import { KvError, RowError } from "./errors.ts";
import { KvHasher } from "./hash-kv.ts";
import type { WatchSink, WatchStream } from "./kv.ts";
import { Leases } from "./lease/lease-clock.ts";
import { leaseKeepAlive, leaseLeases, leaseTimeToLive } from "./lease/queries.ts";
import { MemberTable } from "./members.ts";
import { Compaction } from "./mvcc/compaction.ts";
import { Keyspace } from "./mvcc/keyspace.ts";
import { checkRevision, type EncodedRange, encodedRangeSteps, range, rangeSteps } from "./mvcc/range.ts";
import { checkRangeStream, type RangePieces, rangePieces } from "./mvcc/range-stream.ts";
import { planTxn, readTxnSteps } from "./mvcc/txn.ts";
import { defaultStoreOptions, type StoreOptions } from "./options.ts";
import { finish, type Steps } from "./steps.ts";
import type { StoreRecords, StoreWrite } from "./storage.ts";
import { Table } from "./tables.ts";
import { WatchHub } from "./watch/hub.ts";
import type { WatchPermit } from "./watch/permit.ts";
import type * as wire from "./wire/messages.ts";

export interface StoreModules {
  readonly records: StoreRecords;
  /** Called when a watch stream has something for `pump` outside of apply. May be called often; must not pump itself. */
  readonly wake?: () => void;
  /** Hears which simple tokens stand for whom (auth/tokens.ts). */
  readonly tokens?: TokenSink;
}

/** What a database without a key takes; etcd's does so, too. */
const emptyDatabaseBytes = 20 * 1024;

/** What an entry came to. Either way it counts as applied. */
export type ApplyOutcome<Kind extends CommandKind = CommandKind> =
  | { readonly response: Applied<Kind>; readonly error?: undefined }
  | { readonly error: KvError; readonly response?: undefined };

export class Store {
  readonly options: StoreOptions;
  readonly members: MemberTable = new MemberTable();
  readonly leases: Leases = new Leases();
  readonly alarms: AlarmTable = new AlarmTable();
  readonly keyspace: Keyspace;
  readonly auth: Auth;
  readonly #compaction: Compaction;
  readonly #watches: WatchHub;
  readonly #applier: Applier;
  #appliedIndex: Index = Index(0);
  #loading = false;
  #bytesTotal = 0;

  constructor(options: Partial<StoreOptions>, modules: StoreModules) {
    this.options = { ...defaultStoreOptions, ...options };
    this.keyspace = new Keyspace(this.options, { records: modules.records, unpinned: modules.wake });
    this.#compaction = new Compaction({ keyspace: this.keyspace });
    this.#watches = new WatchHub(this.options, {
      keyspace: this.keyspace,
      wake: modules.wake ?? (() => {}),
    });
    this.auth = new Auth({
      leases: this.leases.table,
      tokens: modules.tokens ?? noTokens,
      changed: () => this.#watches.checkPermits(),
    });
    this.#applier = new Applier(this.options, {
      keyspace: this.keyspace,
      leases: this.leases.table,
      members: this.members,
      compaction: this.#compaction,
      alarms: this.alarms,
      auth: this.auth,
    });
  }

  /** The last entry that was applied or skipped. */
  get appliedIndex(): Index {
    return this.#appliedIndex;
  }

  /** The newest main revision (etcd.md 4.1). */
  get revision(): number {
    return this.keyspace.revision;
  }

  get compactRevision(): number {
    return this.keyspace.compactRevision;
  }

  /** Space below this revision is reclaimed: a compaction with `physical` is answered once its revision is reached. */
  get compactionFinished(): number {
    return this.#compaction.finished;
  }

  /** What the rows take, by an account that all members keep alike (KeyIndex.bytes). */
  get bytesInUse(): number {
    return emptyDatabaseBytes + this.keyspace.index.bytes + this.leases.table.size * leaseGrantCostBytes;
  }

  /**
   * The same at its highest since `reclaimed`: freed space counts until Defragment has given it back. This is what the quota is
   * held against, and not the size of files, which compression makes smaller and deleted rows, for a while, larger.
   */
  get bytesTotal(): number {
    this.#bytesTotal = Math.max(this.#bytesTotal, this.bytesInUse);
    return this.#bytesTotal;
  }

  /** Freed space went back to the file system. */
  reclaimed(): void {
    this.#bytesTotal = this.bytesInUse;
  }

  get watchStreamCount(): number {
    return this.#watches.streamCount;
  }

  get watcherCount(): number {
    return this.#watches.watcherCount;
  }

  /** Watchers that have not been shown everything that there is. */
  get laggingWatcherCount(): number {
    return this.#watches.laggingCount;
  }

  /**
   * Takes rows, in key order over all calls, before the first `apply` or after `reset`. Throws RowError on a row that is
   * damaged or of an unknown table; the store is then useless until `reset`. Rows of the storage layer are skipped.
   */
  load(rows: Iterable<readonly [Uint8Array, Uint8Array]>): void {
    this.#loading = true;
    for (const [key, value] of rows) {
      try {
        this.#loadRow(key, value);
      } catch (cause) {
        if (cause instanceof RowError) throw cause;
        throw new RowError(Buffer.from(key).toString("hex"), "cannot be read", { cause });
      }
    }
  }

  /** All rows are in; they are the state after `appliedIndex`. Watch streams that survived a reset go on from here. */
  loaded(appliedIndex: Index): void {
    this.#loading = false;
    this.#appliedIndex = appliedIndex;
    this.reclaimed();
    this.keyspace.loaded();
    this.auth.table.loaded();
    this.#watches.restart();
  }

  /** Forgets all state, for a snapshot that comes next: `load` again. Watch streams stay, and wait. */
  reset(): void {
    this.#loading = true;
    this.keyspace.reset();
    this.#compaction.reset();
    this.leases.table.reset();
    this.alarms.reset();
    this.auth.reset();
    this.members.reset();
  }

  /** The members that a new cluster begins with, before any entry says so. */
  bootstrapMembers(members: readonly wire.Member[], writes: StoreWrite[]): void {
    for (const member of members) this.members.set(member, writes);
  }

  /**
   * Applies the entry after `appliedIndex`. Rows are appended to `writes`; all applies up to the hand-over to storage share
   * one array, and a new array begins after it (storage.ts). Never throws for what a command says, only for bugs.
   */
  apply<Kind extends CommandKind>(
    index: Index,
    command: CommandOf<Kind>,
    writes: StoreWrite[],
  ): ApplyOutcome<Kind> {
    this.skip(index);
    this.keyspace.useBatch(writes);
    try {
      return { response: this.#applier.apply(command, index, writes) };
    } catch (error) {
      if (error instanceof KvError) return { error };
      throw error;
    }
  }

  /** An entry that is not for the store: empty, a configuration, or a command that could not be decoded. */
  skip(index: Index): void {
    assert(!this.#loading, "nothing is applied while rows are being loaded");
    assert(index === this.#appliedIndex + 1, "entries are applied in order, each once");
    this.#appliedIndex = index;
  }

  /** Answers from local state, at once however much it is. Throws KvError. */
  range(request: wire.RangeRequest): wire.RangeResponse {
    this.#checkReadable(request);
    return range(this.keyspace, request, this.revision);
  }

  /** Checks at once, then answers in steps, as of now. Throws KvError. */
  rangeSteps(request: wire.RangeRequest): Steps<wire.RangeResponse> {
    this.#checkReadable(request);
    return rangeSteps(this.keyspace, request, this.revision);
  }

  /** The same, with the key-values encoded. */
  encodedRangeSteps(request: wire.RangeRequest): Steps<EncodedRange> {
    this.#checkReadable(request);
    return encodedRangeSteps(this.keyspace, request, this.revision);
  }

  /** The same in pieces (RangeStream). Throws KvError; what it does not support, too. */
  rangePieces(request: wire.RangeRequest): RangePieces {
    this.#checkReadable(request);
    checkRangeStream(request);
    return rangePieces(this.keyspace, request, this.revision);
  }

  /** Answers a txn that only reads (`isReadOnly` of check.ts). Throws KvError. */
  readTxn(request: wire.TxnRequest): wire.TxnResponse {
    return finish(this.readTxnSteps(request));
  }

  /** Checks and compares at once, then answers in steps, as of now. Throws KvError. */
  readTxnSteps(request: wire.TxnRequest): Steps<wire.TxnResponse> {
    this.#checkWhole();
    this.alarms.checkWhole();
    checkTxn(request, this.options);
    const plan = planTxn(request, { keyspace: this.keyspace, leases: this.leases.table });
    return readTxnSteps(plan, this.keyspace, this.revision);
  }

  /** HashKV of a revision, or of the present (0); the rows of storage are its input. Throws KvError. */
  hashKv(revision: number): KvHasher {
    this.#checkWhole();
    return new KvHasher({ revision }, { keyspace: this.keyspace });
  }

  /** LeaseTimeToLive by the clock of this member, which should be the leader (etcd.md 6). */
  leaseTimeToLive(request: wire.LeaseTimeToLiveRequest, now: Instant): wire.LeaseTimeToLiveResponse {
    return leaseTimeToLive(this.leases, request, { revision: this.revision, now });
  }

  /** LeaseKeepAlive; only where the lease clock runs and leadership is confirmed. */
  leaseKeepAlive(request: wire.LeaseKeepAliveRequest, now: Instant): wire.LeaseKeepAliveResponse {
    return leaseKeepAlive(this.leases, request, { revision: this.revision, now });
  }

  leaseLeases(): wire.LeaseLeasesResponse {
    return leaseLeases(this.leases, this.revision);
  }

  /**
   * Opens a watch stream. Everything that its sink gets comes out of `pump`. `permit` says what it may watch; without one,
   * everything.
   */
  openWatch(sink: WatchSink, permit?: WatchPermit): WatchStream {
    return this.#watches.open(sink, permit);
  }

  /** Ends all watch streams: the member stops (null) or cannot serve them any more. */
  closeWatches(error: KvError | null): void {
    this.#watches.closeAll(error);
  }

  /** Progress notifications for idle watchers that want them; call it every `watch-progress-notify-interval`. */
  notifyProgress(): void {
    if (!this.#loading) this.#watches.notifyProgress();
  }

  /**
   * Does the work that waits: watch deliveries, then a slice of compaction, whose deletions are appended to `writes` (any
   * batch that is handed over after those before it). `budget` is about the number of events and rows. True: call again.
   */
  pump(budget: number, writes: StoreWrite[]): boolean {
    if (this.#loading) return false;
    const more = this.#watches.pump(budget);
    this.#bytesTotal = this.bytesTotal;
    this.#compaction.slice(budget, writes);
    return more || this.#compaction.pending;
  }

  #checkReadable(request: wire.RangeRequest): void {
    this.#checkWhole();
    this.alarms.checkWhole();
    checkRange(request);
    checkRevision(this.keyspace, request.revision, this.revision);
  }

  /** Between `reset` and `loaded` there is no state to answer from; another member has it. */
  #checkWhole(): void {
    if (this.#loading) throw new KvError("kv.unavailable", "a snapshot is being loaded");
  }

  #loadRow(key: Uint8Array, value: Uint8Array): void {
    const table = key[0];
    if (table === Table.meta) this.#compaction.load(key, value);
    else if (table === Table.member) this.members.load(value);
    else if (table === Table.removedMember) this.members.loadRemoved(key);
    else if (table === Table.lease) this.leases.table.load(value);
    else if (table === Table.alarm) this.alarms.load(value);
    else if (table === Table.auth || table === Table.authUser || table === Table.authRole) {
      this.auth.table.load(key, value);
    } else if (table === Table.revision) {
      const { name, lease } = this.keyspace.load(key, value);
      // Leases that are gone by now are not found, and the key was deleted with them; attach skips those.
      this.leases.table.attach(name, lease);
    } else if (table !== 0x00 && table !== 0xff) {
      throw new RowError(Buffer.from(key).toString("hex"), "its table is unknown to this version");
    }
  }
}
