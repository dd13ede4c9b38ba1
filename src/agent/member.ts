/**
 * The key-value store as this server offers it: KvClient over the raft shell and the store. Writes are checked, proposed
 * and answered when their entry is applied here; linearizable reads wait for a read round; what only the leader's clock
 * can answer (lease renewal) goes to the leader.
 */
import type { ClusterId, LeaseId, MemberId } from "../base/ids.ts";
import type { Clock } from "../base/ports.ts";
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
  type CommandKind,
  type CommandRequests,
  type CommandResponses,
  encodeCommand,
  encodeRequest,
} from "../store/command.ts";
import { KvError } from "../store/errors.ts";
import type { CallOptions, KvClient, WatchSink, WatchStream } from "../store/kv.ts";
import type { Store } from "../store/store.ts";
import * as wire from "../store/wire/messages.ts";
import type { Codec, Init } from "../store/wire/protobuf.ts";
import { Deadlines } from "./deadlines.ts";
import { decodeAnswer, type LeaderMethod } from "./peer-calls.ts";
import type { PendingProposals } from "./pending.ts";
import type { RaftShell } from "./raft-shell.ts";
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
  /** Asks another member; see peer-calls.ts. */
  readonly call: (
    to: MemberId,
    method: string,
    payload: Uint8Array,
    signal: AbortSignal,
  ) => Promise<Uint8Array>;
  /** A lease was renewed or granted: its deadline moved. */
  readonly leasesChanged: () => void;
  readonly timeoutError: () => KvError;
  /** While the store is being replaced by a received snapshot: when it can be read again. */
  readonly installing: () => Promise<void> | null;
  /** Size of the store's files. */
  readonly databaseBytes: () => Promise<number>;
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
  #closed = false;

  constructor(options: MemberOptions, modules: MemberModules) {
    this.#options = options;
    this.#modules = modules;
    this.#deadlines = new Deadlines({ lengthMs: options.timeoutMs }, { clock: modules.clock });
  }

  async range(init: Init<wire.RangeRequest>, options: CallOptions = {}): Promise<wire.RangeResponse> {
    const request = wire.RangeRequest.create(init);
    checkRange(request);
    if (!request.serializable) await this.barrier(options.signal);
    await this.#modules.installing();
    return this.#withHeader(this.#modules.store.range(request));
  }

  async put(init: Init<wire.PutRequest>, options: CallOptions = {}): Promise<wire.PutResponse> {
    const request = wire.PutRequest.create(init);
    checkPut(request);
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
    if (!isReadOnly(request)) return this.#propose("txn", wire.TxnRequest, request, { ...options, raw });
    if (!isSerializable(request)) await this.barrier(options.signal);
    await this.#modules.installing();
    return this.#withHeader(this.#modules.store.readTxn(request));
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
    const body = wire.LeaseKeepAliveRequest.encode(init);
    const answer = await this.#askLeader("lease-keep-alive", body, options.signal);
    return this.#withHeader(wire.LeaseKeepAliveResponse.decode(answer));
  }

  async leaseTimeToLive(
    init: Init<wire.LeaseTimeToLiveRequest>,
    options: CallOptions = {},
  ): Promise<wire.LeaseTimeToLiveResponse> {
    const body = wire.LeaseTimeToLiveRequest.encode(init);
    const answer = await this.#askLeader("lease-time-to-live", body, options.signal);
    return this.#withHeader(wire.LeaseTimeToLiveResponse.decode(answer));
  }

  async leaseLeases(
    init: Init<wire.LeaseLeasesRequest>,
    options: CallOptions = {},
  ): Promise<wire.LeaseLeasesResponse> {
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
    return this.#withHeader(
      wire.MemberListResponse.create({ members: [...this.#modules.store.members.list()] }),
    );
  }

  async status(_init: Init<wire.StatusRequest>, _options: CallOptions = {}): Promise<wire.StatusResponse> {
    const { shell, store, databaseBytes } = this.#modules;
    const bytes = await databaseBytes();
    return this.#withHeader(
      wire.StatusResponse.create({
        version: this.#options.etcdVersion,
        dbSize: bytes,
        dbSizeInUse: bytes,
        leader: shell.leader ?? 0n,
        raftIndex: shell.lastIndex,
        raftTerm: shell.term,
        raftAppliedIndex: store.appliedIndex,
        errors: shell.leader === null ? ["etcdserver: no leader"] : [],
      }),
    );
  }

  async *rangeStream(
    init: Init<wire.RangeRequest>,
    options: CallOptions = {},
  ): AsyncIterable<wire.RangeResponse> {
    yield await this.range(init, options);
  }

  openWatch(sink: WatchSink, _options: Pick<CallOptions, "caller"> = {}): WatchStream {
    const stream = this.#modules.store.openWatch({
      deliver: (response) => sink.deliver(this.#withHeader(response)),
      closed: (error) => sink.closed(error),
    });
    return this.#modules.watches.track(stream, sink);
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
      const forgetDeadline = this.#deadlines.add(() =>
        end(() => reject(this.#closed ? new KvError("kv.stopped") : this.#modules.timeoutError())),
      );
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

  /** Tells the cluster this member's name and client URLs. */
  publish(attributes: wire.MemberAttributes): Promise<unknown> {
    return this.#proposeBytes("member-attributes", wire.MemberAttributes.encode(attributes));
  }

  /**
   * Answers what only the leader can, on the leader: after a quorum has confirmed that this member still leads, so that
   * no deposed leader prolongs a lease that its successor lets expire.
   */
  async answerAsLeader(method: LeaderMethod, body: Uint8Array): Promise<Buffer> {
    const { shell, store, clock, leasesChanged } = this.#modules;
    if (shell.role !== "leader") throw new KvError("kv.not-leader");
    await this.barrier();
    if (shell.role !== "leader") throw new KvError("kv.leader-changed");
    const now = clock.now();
    if (!store.leases.primary) store.leases.promote(now);
    switch (method) {
      case "lease-keep-alive": {
        const answer = store.leaseKeepAlive(wire.LeaseKeepAliveRequest.decode(body), now);
        leasesChanged();
        return wire.LeaseKeepAliveResponse.encode(answer);
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

  /** Runs on the leader, here or there. While there is no leader it waits for one until the deadline. */
  async #askLeader(
    method: LeaderMethod,
    body: Uint8Array,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const { shell, call } = this.#modules;
    if (shell.leader === null) await this.barrier(signal);
    const leader = shell.leader;
    if (leader === null) throw this.#modules.timeoutError();
    if (leader === this.#options.memberId) return this.answerAsLeader(method, body);
    const limit = AbortSignal.timeout(this.#options.timeoutMs);
    const either = signal ? AbortSignal.any([signal, limit]) : limit;
    try {
      return decodeAnswer(await call(leader, method, body, either));
    } catch (error) {
      if (error instanceof KvError) throw error;
      if (signal?.aborted) throw new KvError("kv.canceled", undefined, { cause: error });
      throw new KvError("kv.timeout-connection-lost", undefined, { cause: error });
    }
  }

  async #propose<Request extends object, Response extends { header: wire.ResponseHeader | undefined }>(
    kind: CommandKind,
    codec: Codec<Request>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    const body = options.raw ?? codec.encode(request as Init<Request>);
    return this.#withHeader(await this.#proposeBytes<Response>(kind, body, options));
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
