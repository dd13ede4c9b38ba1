/**
 * The key-value store as this server offers it: KvClient over the raft shell and the store. Writes are checked, proposed
 * and answered when their entry is applied here; linearizable reads wait for a read round; what only the leader's clock
 * can answer (lease renewal) goes to the leader.
 */
import { clusterVersion } from "../api/ops/version.ts";
import { type ClusterId, LeaseId, type MemberId } from "../base/ids.ts";
import type { Clock } from "../base/ports.ts";
import type { Access } from "../store/auth/access.ts";
import {
  checkDeleteRange,
  checkLeaseGrant,
  checkPut,
  checkRange,
  checkTxn,
  isReadOnly,
  isSerializable,
} from "../store/check.ts";
import {
  type Command,
  type CommandKind,
  type CommandRequests,
  type CommandResponses,
  encodeCommand,
  encodeRequest,
} from "../store/command.ts";
import { leaseGrantCostBytes, putCost, txnCost } from "../store/cost.ts";
import { KvError } from "../store/errors.ts";
import type { CallOptions, KvClient, WatchSink, WatchStream } from "../store/kv.ts";
import { checkRangeStream } from "../store/mvcc/range-stream.ts";
import type { Store } from "../store/store.ts";
import * as wire from "../store/wire/messages.ts";
import type { Codec, Init } from "../store/wire/protobuf.ts";
import { asOfNow, permitted } from "./auth/permitted.ts";
import { watchPermit } from "./auth/watch-permit.ts";
import { Deadlines } from "./deadlines.ts";
import { LeaderCalls } from "./leader-calls.ts";
import { LeaseRenewals } from "./lease-renewals.ts";
import { statusErrors } from "./maintenance/status-errors.ts";
import type { LeaderMethod } from "./peer-calls.ts";
import type { PendingProposals } from "./pending.ts";
import type { Quota } from "./quota.ts";
import type { RaftShell } from "./raft-shell.ts";
import { Reads } from "./reads.ts";
import type { Slices } from "./slices.ts";
import type { WatchPump } from "./watch-pump.ts";

export interface MemberOptions {
  /** The etcd version that Status tells. */
  readonly etcdVersion: string;
  readonly clusterId: ClusterId;
  readonly memberId: MemberId;
  readonly txnOperationsMax: number;
  readonly requestBytesMax: number;
  readonly timeoutMs: number;
}

export interface MemberModules {
  readonly store: Store;
  readonly shell: RaftShell;
  readonly pending: PendingProposals;
  readonly watches: WatchPump;
  /** Where wide reads are done bit by bit. */
  readonly slices: Slices;
  /** Asks another member; see peer-calls.ts. */
  readonly call: (
    to: MemberId,
    method: string,
    payload: Uint8Array,
    signal: AbortSignal,
  ) => Promise<Uint8Array>;
  /** A lease was renewed or granted: its deadline moved. */
  readonly leasesChanged: () => void;
  /** Resolves when these leases may be renewed at once (lease-checkpoints.ts). */
  readonly beforeRenewal: (ids: readonly LeaseId[]) => Promise<void>;
  readonly timeoutError: () => KvError;
  /** While the store is being replaced by a received snapshot: when it can be read again. */
  readonly installing: () => Promise<void> | null;
  /** While this member has come to a running cluster and its own state is not worth reading yet. */
  readonly isJoining: () => boolean;
  readonly quota: Quota;
  readonly clock: Clock;
}

/** Committed entries that wait to be applied; beyond this new proposals are refused (etcd.md 11). */
const applyBacklogMax = 5000;
/** Linearizable reads that wait for their round at once. */
const readsWaitingMax = 100_000;

export class Member implements KvClient {
  readonly #options: MemberOptions;
  readonly #modules: MemberModules;
  readonly #deadlines: Deadlines;
  readonly #leaderCalls: LeaderCalls;
  readonly #renewals: LeaseRenewals;
  readonly #reads: Reads;
  /**
   * For the metrics: ranges asked for, txns that only read and the operations in them, read barriers that timed out, events handed to
   * watchers, renewals answered as the leader.
   */
  readonly counts = { ranges: 0, readTxns: 0, readsTimedOut: 0, events: 0, renewals: 0 };
  #closed = false;

  constructor(options: MemberOptions, modules: MemberModules) {
    this.#options = options;
    this.#modules = modules;
    this.#deadlines = new Deadlines({ lengthMs: options.timeoutMs }, { clock: modules.clock });
    this.#leaderCalls = new LeaderCalls(options, {
      ...modules,
      answer: (method, body) => this.answerAsLeader(method, body),
    });
    this.#renewals = new LeaseRenewals({ ask: (body) => this.#askLeader("lease-renewals", body, undefined) });
    this.#reads = new Reads({
      store: modules.store,
      slices: modules.slices,
      header: (revision) => this.header(revision),
    });
  }

  async range(init: Init<wire.RangeRequest>, options: CallOptions = {}): Promise<wire.RangeResponse> {
    const request = wire.RangeRequest.create(init);
    checkRange(request);
    this.counts.ranges++;
    await this.#readable(request.serializable, options);
    this.#access.range(request, options.caller);
    const answer = this.#reads.range(request, options);
    return this.#withHeader(answer instanceof Promise ? await answer : answer);
  }

  async rangeEncoded(
    init: Init<wire.RangeRequest>,
    options: CallOptions = {},
  ): Promise<readonly Uint8Array[]> {
    const request = wire.RangeRequest.create(init);
    checkRange(request);
    this.counts.ranges++;
    await this.#readable(request.serializable, options);
    this.#access.range(request, options.caller);
    return this.#reads.encoded(request, options);
  }

  async put(init: Init<wire.PutRequest>, options: CallOptions = {}): Promise<wire.PutResponse> {
    const request = wire.PutRequest.create(init);
    checkPut(request);
    const full = this.#modules.quota.check(putCost(request));
    if (full) await full;
    return this.#propose("put", wire.PutRequest, request, options);
  }

  async deleteRange(
    init: Init<wire.DeleteRangeRequest>,
    options: CallOptions = {},
  ): Promise<wire.DeleteRangeResponse> {
    const request = wire.DeleteRangeRequest.create(init);
    checkDeleteRange(request);
    return this.#propose("delete-range", wire.DeleteRangeRequest, request, options);
  }

  async txn(init: Init<wire.TxnRequest>, options: CallOptions = {}): Promise<wire.TxnResponse> {
    const raw = options.raw ?? wire.TxnRequest.encode(init);
    const request = options.raw ? (init as wire.TxnRequest) : wire.TxnRequest.decode(raw);
    checkTxn(request, this.#options);
    const full = this.#modules.quota.check(txnCost(request));
    if (full) await full;
    if (!isReadOnly(request)) return this.#propose("txn", wire.TxnRequest, request, { ...options, raw });
    await this.#readable(isSerializable(request), options);
    this.#access.txn(request, options.caller);
    const response = await this.#reads.txn(request, options);
    this.counts.readTxns++;
    this.counts.ranges += response.responses.length;
    return this.#withHeader(response);
  }

  async compact(
    init: Init<wire.CompactionRequest>,
    options: CallOptions = {},
  ): Promise<wire.CompactionResponse> {
    const request = wire.CompactionRequest.create(init);
    const { store, watches } = this.#modules;
    const response = await this.#propose<wire.CompactionRequest, wire.CompactionResponse>(
      "compact",
      wire.CompactionRequest,
      request,
      options,
    );
    if (request.physical)
      await watches.until(() => store.compactionFinished >= request.revision, options.signal);
    return response;
  }

  async leaseGrant(
    init: Init<wire.LeaseGrantRequest>,
    options: CallOptions = {},
  ): Promise<wire.LeaseGrantResponse> {
    const request = wire.LeaseGrantRequest.create(init);
    checkLeaseGrant(request);
    const full = this.#modules.quota.check(leaseGrantCostBytes);
    if (full) await full;
    return this.#propose("lease-grant", wire.LeaseGrantRequest, request, options);
  }

  async leaseRevoke(
    init: Init<wire.LeaseRevokeRequest>,
    options: CallOptions = {},
  ): Promise<wire.LeaseRevokeResponse> {
    return this.#propose(
      "lease-revoke",
      wire.LeaseRevokeRequest,
      wire.LeaseRevokeRequest.create(init),
      options,
    );
  }

  async leaseKeepAlive(
    init: Init<wire.LeaseKeepAliveRequest>,
    options: CallOptions = {},
  ): Promise<wire.LeaseKeepAliveResponse> {
    const ID = init.ID ?? 0n;
    await this.#permitted(() => this.#access.leaseWrite(ID, options.caller), options);
    const TTL = await this.#renewals.renew(ID);
    if (options.signal?.aborted) throw new KvError("kv.canceled");
    return this.#withHeader({ header: undefined, ID, TTL });
  }

  async leaseTimeToLive(
    init: Init<wire.LeaseTimeToLiveRequest>,
    options: CallOptions = {},
  ): Promise<wire.LeaseTimeToLiveResponse> {
    // The keys that the leader knows are what is judged, so they are asked for in any case.
    const judged = !this.#access.isOpen(options.caller);
    await this.#permitted(() => this.#access.leaseRead(init.ID ?? 0n, options.caller), options);
    const body = wire.LeaseTimeToLiveRequest.encode(judged ? { ...init, keys: true } : init);
    const answer = await this.#askLeader("lease-time-to-live", body, options.signal);
    const response = wire.LeaseTimeToLiveResponse.decode(answer);
    this.#access.readEach(response.keys, options.caller);
    return this.#withHeader(init.keys ? response : { ...response, keys: [] });
  }

  async leaseLeases(
    init: Init<wire.LeaseLeasesRequest>,
    options: CallOptions = {},
  ): Promise<wire.LeaseLeasesResponse> {
    await this.#permitted(() => this.#access.leases(options.caller), options);
    const answer = await this.#askLeader(
      "lease-leases",
      wire.LeaseLeasesRequest.encode(init),
      options.signal,
    );
    return this.#withHeader(wire.LeaseLeasesResponse.decode(answer));
  }

  async memberList(
    init: Init<wire.MemberListRequest>,
    options: CallOptions = {},
  ): Promise<wire.MemberListResponse> {
    if (init.linearizable) await this.barrier(options.signal);
    await this.#permitted(() => this.#access.identified(options.caller), options);
    await this.#modules.installing();
    // Of the cluster service no answer carries a revision (etcd.md 3, response header rule).
    const header = { ...this.header(undefined), revision: 0 };
    return wire.MemberListResponse.create({ header, members: [...this.#modules.store.members.list()] });
  }

  async status(_init: Init<wire.StatusRequest>, { caller }: CallOptions = {}): Promise<wire.StatusResponse> {
    this.#access.identified(caller);
    const { shell, store, quota } = this.#modules;
    return this.#withHeader(
      wire.StatusResponse.create({
        version: this.#options.etcdVersion,
        dbSize: store.bytesTotal,
        dbSizeInUse: store.bytesInUse,
        dbSizeQuota: Number.isFinite(quota.bytesMax) ? quota.bytesMax : 0,
        leader: shell.leader ?? 0n,
        raftIndex: shell.lastIndex,
        raftTerm: shell.term,
        raftAppliedIndex: store.appliedIndex,
        errors: statusErrors(shell.leader !== null, store.alarms.list()),
        isLearner: store.members.get(this.#options.memberId)?.isLearner === true,
        storageVersion: clusterVersion,
        downgradeInfo: wire.DowngradeInfo.create({}),
      }),
    );
  }

  async *rangeStream(
    init: Init<wire.RangeRequest>,
    options: CallOptions = {},
  ): AsyncIterable<wire.RangeResponse> {
    const request = wire.RangeRequest.create(init);
    checkRange(request);
    checkRangeStream(request);
    this.counts.ranges++;
    await this.#readable(request.serializable, options);
    this.#access.range(request, options.caller);
    yield* this.#reads.pieces(request, options);
  }

  openWatch(sink: WatchSink, { caller }: Pick<CallOptions, "caller"> = {}): WatchStream {
    const { store } = this.#modules;
    const permit = caller === undefined ? undefined : watchPermit(store.auth, caller);
    const stream = store.openWatch(
      {
        deliver: (response, events) => {
          this.counts.events += response.events.length;
          // The store has said how far this goes; a cancel by compaction says nothing.
          const revision = response.header?.revision ?? 0;
          response.header = { ...this.header(undefined), revision };
          return sink.deliver(response, events);
        },
        closed: (error) => sink.closed(error),
      },
      permit,
    );
    return this.#modules.watches.track(stream, sink);
  }

  get #access(): Access {
    return this.#modules.store.auth.access;
  }

  /** Until local state may answer: any that is whole, or all that was acknowledged before. */
  async #readable(serializable: boolean, { signal, caller }: CallOptions): Promise<void> {
    const { store, isJoining } = this.#modules;
    const self = serializable ? undefined : store.members.get(this.#options.memberId);
    if (caller !== undefined && self?.isLearner) throw new KvError("kv.learner-unsupported");
    if (!serializable || isJoining()) await this.barrier(signal);
    await this.#modules.installing();
  }

  /** A refusal counts once this member has all that was acknowledged before (auth/permitted.ts). */
  async #permitted(check: () => void, { signal }: CallOptions): Promise<void> {
    await permitted(check, () => this.barrier(signal));
  }

  /** Resolves once everything acknowledged before the call is applied here; `kv.timeout` when that cannot be had. */
  barrier(signal?: AbortSignal): Promise<void> {
    if (this.#closed) return Promise.reject(new KvError("kv.stopped"));
    if (signal?.aborted) return Promise.reject(new KvError("kv.canceled"));
    if (this.#modules.shell.readsWaiting >= readsWaitingMax) {
      return Promise.reject(new KvError("kv.too-many-requests"));
    }
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        giveUp();
        forgetDeadline();
        signal?.removeEventListener("abort", onAbort);
        settle();
      };
      const onAbort = (): void => end(() => reject(new KvError("kv.canceled")));
      const giveUp = this.#modules.shell.read(() => end(resolve));
      const forgetDeadline = this.#deadlines.add(() => {
        this.counts.readsTimedOut++;
        end(() => reject(this.#closed ? new KvError("kv.stopped") : this.#modules.timeoutError()));
      });
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /**
   * Revokes what the leader found expired. The entry counts only in the leader's own term (state-machine.ts): a successor,
   * to whom a late proposal may be forwarded, has given these leases their time again.
   */
  expireLeases(ids: readonly LeaseId[]): Promise<unknown> {
    const term = this.#modules.shell.term;
    return this.#proposeBytes("lease-expire", wire.LeaseExpire.encode({ IDs: [...ids], term }));
  }

  /** Tells the log what remains of leases, 0 for all; counts in this term only, as an expiry does. */
  checkpointLeases(checkpoints: readonly wire.LeaseCheckpoint[]): Promise<unknown> {
    const term = this.#modules.shell.term;
    return this.#proposeBytes("lease-checkpoint", wire.LeaseCheckpoints.encode({ checkpoints, term }));
  }

  /** Tells the cluster this member's name and client URLs. */
  publish(attributes: wire.MemberAttributes): Promise<unknown> {
    return this.#proposeBytes("member-attributes", wire.MemberAttributes.encode(attributes));
  }

  /**
   * Answers what only the leader can, on the leader: after a quorum has confirmed that this member still leads, so that
   * no deposed leader prolongs a lease that its successor lets expire.
   */
  async answerAsLeader(method: LeaderMethod, body: Uint8Array): Promise<Buffer> {
    const { shell, store, clock, leasesChanged, beforeRenewal } = this.#modules;
    const { term } = shell;
    const arrived = clock.now();
    if (shell.role !== "leader") throw new KvError("kv.not-leader");
    await this.barrier();
    if (shell.role !== "leader" || shell.term !== term) throw new KvError("kv.leader-changed");
    const now = clock.now();
    if (!store.leases.primary) store.leases.promote(now);
    switch (method) {
      case "lease-renewals": {
        const ids = wire.LeaseRenewals.decode(body).IDs.map(LeaseId);
        await beforeRenewal(ids);
        if (shell.term !== term || !store.leases.primary) throw new KvError("kv.leader-changed");
        const TTLs = ids.map((id) => store.leases.renew(id, clock.now(), arrived) ?? 0);
        this.counts.renewals += TTLs.length;
        leasesChanged();
        return wire.LeaseRenewed.encode({ TTLs });
      }
      case "lease-time-to-live":
        return wire.LeaseTimeToLiveResponse.encode(
          store.leaseTimeToLive(wire.LeaseTimeToLiveRequest.decode(body), now),
        );
      case "lease-leases":
        return wire.LeaseLeasesResponse.encode(store.leaseLeases());
    }
  }

  close(): void {
    this.#closed = true;
    this.#deadlines.close();
  }

  /** What only the leader answers, here or there (leader-calls.ts). */
  #askLeader(method: LeaderMethod, body: Uint8Array, signal: AbortSignal | undefined): Promise<Uint8Array> {
    if (this.#closed) return Promise.reject(new KvError("kv.stopped"));
    return this.#leaderCalls.ask(method, body, signal);
  }

  async #propose<Request extends object, Response extends { header: wire.ResponseHeader | undefined }>(
    kind: CommandKind,
    codec: Codec<Request>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    const body = options.raw ?? codec.encode(request as Init<Request>);
    const { caller, signal } = options;
    if (this.#access.isOpen(caller)) return this.#withHeader(await this.#proposeBytes(kind, body, options));
    const command = { kind, request, caller } as unknown as Command;
    const later = permitted(
      () => this.#access.command(command),
      () => this.barrier(signal),
    );
    if (later) await later;
    const propose = (): Promise<Response> => this.#proposeBytes<Response>(kind, body, options);
    return this.#withHeader(await asOfNow(caller!, propose));
  }

  /** Proposes one command; resolves with its response once it is applied here. Errors are KvError. */
  propose<Kind extends CommandKind>(
    kind: Kind,
    request: CommandRequests[Kind],
    options: CallOptions = {},
  ): Promise<CommandResponses[Kind] & object> {
    return this.#proposeBytes(kind, encodeRequest(kind, request), options);
  }

  #proposeBytes<Response extends object>(
    kind: CommandKind,
    body: Uint8Array,
    { signal, caller }: Pick<CallOptions, "signal" | "caller"> = {},
  ): Promise<Response> {
    if (this.#closed) return Promise.reject(new KvError("kv.stopped"));
    if (body.length > this.#options.requestBytesMax)
      return Promise.reject(new KvError("kv.request-too-large"));
    if (this.#modules.shell.applyBacklog > applyBacklogMax)
      return Promise.reject(new KvError("kv.too-many-requests"));
    const wallMs = this.#modules.clock.wallMs();
    return this.#modules.pending.submit<Response>(
      (requestId) => encodeCommand({ kind, requestId, wallMs, caller }, body),
      signal,
    );
  }

  /** The header of an answer computed at `revision`, or now (etcd.md 3, response header rule). */
  header(revision: number | undefined): wire.ResponseHeader {
    return {
      cluster_id: this.#options.clusterId,
      member_id: this.#options.memberId,
      revision: revision || this.#modules.store.revision,
      raft_term: BigInt(this.#modules.shell.term),
    };
  }

  #withHeader<Response extends { header: wire.ResponseHeader | undefined }>(response: Response): Response {
    response.header = this.header(response.header?.revision);
    return response;
  }
}
