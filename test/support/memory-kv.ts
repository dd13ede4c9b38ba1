/**
 * The store on a map, as a KvClient: what units, network and the API fronts are tested against. The state machine is the
 * real one; consensus, disk and network are not there. Answers come in a later microtask, watch events too.
 *
 * It can fail: `fail` plans refusals, before or after the deed; `hold` keeps calls waiting until released; `breakWatches`
 * ends all streams, as a lost connection would. Time moves only by `advance`.
 */
import { Index, Instant } from "../../src/base/ids.ts";
import { checkDeleteRange, checkLeaseGrant, checkPut, checkTxn, isReadOnly } from "../../src/store/check.ts";
import type { CommandKind, CommandOf, CommandRequests } from "../../src/store/command.ts";
import type { CallOptions, KvClient, WatchSink, WatchStream } from "../../src/store/kv.ts";
import { KvError, type KvErrorCode } from "../../src/store/kv.ts";
import type { StoreOptions } from "../../src/store/options.ts";
import type { StoreWrite } from "../../src/store/storage.ts";
import { type ApplyOutcome, Store } from "../../src/store/store.ts";
import * as wire from "../../src/store/wire/messages.ts";
import type { Codec, Init } from "../../src/store/wire/protobuf.ts";
import { MemoryRecords } from "./memory-records.ts";

export type KvMethod = Exclude<keyof KvClient, "openWatch">;

/** One planned failure: the next `count` calls of `method` (any, if absent) reject with `code`. */
export interface KvFault {
  readonly code: KvErrorCode;
  readonly method?: KvMethod;
  /** Default 1. */
  readonly count?: number;
  /** True: the call takes effect, and only its answer is lost. Default false. */
  readonly happens?: boolean;
}

/** One call that was made, for assertions about what a part did to the store. */
export interface KvCall {
  readonly method: KvMethod;
  readonly request: object;
}

const pumpBudget = 1000;

export class MemoryKv implements KvClient {
  readonly records: MemoryRecords = new MemoryRecords();
  readonly store: Store;
  readonly calls: KvCall[] = [];
  readonly #faults: { fault: KvFault; left: number }[] = [];
  #held: (() => void)[] | null = null;
  #now: Instant = Instant(0);
  #requestId = 0x1000n;
  #pumping = false;

  constructor(options: Partial<StoreOptions> = {}) {
    this.store = new Store(options, { records: this.records, wake: () => this.#wake() });
    this.store.bootstrapMembers(
      [wire.Member.create({ ID: 1n, name: "memory", clientURLs: ["memory://"], peerURLs: ["memory://"] })],
      [],
    );
    this.store.leases.promote(this.#now);
  }

  /** Monotonic milliseconds since it was made. */
  get now(): Instant {
    return this.#now;
  }

  /** Lets time pass; leases that end in it expire, each at its own moment. */
  advance(ms: number): void {
    const until = Instant(this.#now + ms);
    for (;;) {
      const next = this.store.leases.nextDeadline(this.#now);
      if (next === null || next > until) break;
      this.#now = Instant(Math.max(next, this.#now));
      const IDs = this.store.leases.due(this.#now, 1000);
      if (IDs.length > 0) this.#apply("lease-expire", { IDs, term: 1 });
    }
    this.#now = until;
  }

  fail(fault: KvFault): void {
    this.#faults.push({ fault, left: fault.count ?? 1 });
  }

  /** Every call from now on waits until the returned function is called. */
  hold(): () => void {
    const held: (() => void)[] = [];
    this.#held = held;
    return () => {
      if (this.#held === held) this.#held = null;
      for (const release of held.splice(0)) release();
    };
  }

  /** Ends all watch streams with an error, as a lost connection does. */
  breakWatches(code: KvErrorCode = "kv.unavailable"): void {
    this.store.closeWatches(new KvError(code));
  }

  range(request: Init<wire.RangeRequest>, options?: CallOptions): Promise<wire.RangeResponse> {
    return this.#call("range", request, options, () => this.store.range(filled(wire.RangeRequest, request)));
  }

  put(request: Init<wire.PutRequest>, options?: CallOptions): Promise<wire.PutResponse> {
    return this.#call("put", request, options, () => {
      const whole = filled(wire.PutRequest, request);
      checkPut(whole);
      return this.#propose("put", whole);
    });
  }

  deleteRange(
    request: Init<wire.DeleteRangeRequest>,
    options?: CallOptions,
  ): Promise<wire.DeleteRangeResponse> {
    return this.#call("deleteRange", request, options, () => {
      const whole = filled(wire.DeleteRangeRequest, request);
      checkDeleteRange(whole);
      return this.#propose("delete-range", whole);
    });
  }

  txn(request: Init<wire.TxnRequest>, options?: CallOptions): Promise<wire.TxnResponse> {
    return this.#call("txn", request, options, () => {
      const whole = filled(wire.TxnRequest, request);
      checkTxn(whole, this.store.options);
      return isReadOnly(whole) ? this.store.readTxn(whole) : this.#propose("txn", whole);
    });
  }

  compact(request: Init<wire.CompactionRequest>, options?: CallOptions): Promise<wire.CompactionResponse> {
    return this.#call("compact", request, options, () =>
      this.#propose("compact", filled(wire.CompactionRequest, request)),
    );
  }

  leaseGrant(request: Init<wire.LeaseGrantRequest>, options?: CallOptions): Promise<wire.LeaseGrantResponse> {
    return this.#call("leaseGrant", request, options, () => {
      const whole = filled(wire.LeaseGrantRequest, request);
      checkLeaseGrant(whole);
      const response = this.#propose("lease-grant", whole);
      // Starts the lease's time now and not at the next advance.
      this.store.leases.nextDeadline(this.#now);
      return response;
    });
  }

  leaseRevoke(
    request: Init<wire.LeaseRevokeRequest>,
    options?: CallOptions,
  ): Promise<wire.LeaseRevokeResponse> {
    return this.#call("leaseRevoke", request, options, () =>
      this.#propose("lease-revoke", filled(wire.LeaseRevokeRequest, request)),
    );
  }

  leaseKeepAlive(
    request: Init<wire.LeaseKeepAliveRequest>,
    options?: CallOptions,
  ): Promise<wire.LeaseKeepAliveResponse> {
    return this.#call("leaseKeepAlive", request, options, () =>
      this.store.leaseKeepAlive(filled(wire.LeaseKeepAliveRequest, request), this.#now),
    );
  }

  leaseTimeToLive(
    request: Init<wire.LeaseTimeToLiveRequest>,
    options?: CallOptions,
  ): Promise<wire.LeaseTimeToLiveResponse> {
    return this.#call("leaseTimeToLive", request, options, () =>
      this.store.leaseTimeToLive(filled(wire.LeaseTimeToLiveRequest, request), this.#now),
    );
  }

  leaseLeases(
    request: Init<wire.LeaseLeasesRequest>,
    options?: CallOptions,
  ): Promise<wire.LeaseLeasesResponse> {
    return this.#call("leaseLeases", request, options, () => this.store.leaseLeases());
  }

  memberList(request: Init<wire.MemberListRequest>, options?: CallOptions): Promise<wire.MemberListResponse> {
    return this.#call("memberList", request, options, () =>
      wire.MemberListResponse.create({
        header: wire.ResponseHeader.create(),
        members: this.store.members.list(),
      }),
    );
  }

  status(request: Init<wire.StatusRequest>, options?: CallOptions): Promise<wire.StatusResponse> {
    return this.#call("status", request, options, () =>
      wire.StatusResponse.create({
        header: wire.ResponseHeader.create({ revision: this.store.revision }),
        version: "3.5.21",
        dbSize: this.records.bytes,
        dbSizeInUse: this.records.bytes,
        leader: 1n,
        raftIndex: this.store.appliedIndex,
        raftTerm: 1,
        raftAppliedIndex: this.store.appliedIndex,
      }),
    );
  }

  async *rangeStream(
    request: Init<wire.RangeRequest>,
    options?: CallOptions,
  ): AsyncIterable<wire.RangeResponse> {
    const pieces: wire.RangeResponse[] = [];
    await this.#call("rangeStream", request, options, () => {
      const steps = this.store.rangePieces(filled(wire.RangeRequest, request));
      for (;;) {
        const { done, value } = steps.next();
        if (value !== undefined) pieces.push(value);
        if (done) return value as wire.RangeResponse;
      }
    });
    yield* pieces;
  }

  openWatch(sink: WatchSink): WatchStream {
    return this.store.openWatch({
      deliver: (response) => sink.deliver(identified(response)),
      closed: (error) => sink.closed(error),
    });
  }

  /** Resolves when everything that was applied so far has been offered to the watch streams. */
  async settled(): Promise<void> {
    do await Promise.resolve();
    while (this.#pumping);
  }

  async #call<Response extends { header: wire.ResponseHeader | undefined }>(
    method: KvMethod,
    request: object,
    options: CallOptions | undefined,
    run: () => Response,
  ): Promise<Response> {
    this.calls.push({ method, request });
    const fault = this.#takeFault(method);
    if (this.#held) await this.#release(options?.signal);
    else await Promise.resolve();
    if (options?.signal?.aborted) throw new KvError("kv.canceled");
    if (fault && !fault.happens) throw new KvError(fault.code);
    const response = run();
    if (fault) throw new KvError(fault.code);
    return identified(response);
  }

  #release(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      this.#held!.push(resolve);
      signal?.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  #takeFault(method: KvMethod): KvFault | undefined {
    const at = this.#faults.findIndex(({ fault }) => (fault.method ?? method) === method);
    const planned = this.#faults[at];
    if (planned && --planned.left === 0) this.#faults.splice(at, 1);
    return planned?.fault;
  }

  #propose<Kind extends CommandKind>(
    kind: Kind,
    request: CommandRequests[Kind],
  ): NonNullable<ApplyOutcome<Kind>["response"]> {
    const outcome = this.#apply(kind, request);
    if (outcome.error) throw outcome.error;
    return outcome.response as NonNullable<ApplyOutcome<Kind>["response"]>;
  }

  #apply<Kind extends CommandKind>(kind: Kind, request: CommandRequests[Kind]): ApplyOutcome<Kind> {
    const writes: StoreWrite[] = [];
    const command = { kind, requestId: this.#requestId++, wallMs: this.#now, request };
    const outcome = this.store.apply(Index(this.store.appliedIndex + 1), command as CommandOf<Kind>, writes);
    this.records.write(writes);
    this.#wake();
    return outcome;
  }

  #wake(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => this.#pump());
  }

  #pump(): void {
    const writes: StoreWrite[] = [];
    const more = this.store.pump(pumpBudget, writes);
    this.records.write(writes);
    if (more) queueMicrotask(() => this.#pump());
    else this.#pumping = false;
  }
}

/**
 * The request as a server would have it: decoded from its encoding, so that nothing of the caller's stays shared.
 */
function filled<Shape>(codec: Codec<Shape>, request: Init<Shape>): Shape {
  return codec.decode(codec.encode(request));
}

function identified<Response extends { header: wire.ResponseHeader | undefined }>(
  response: Response,
): Response {
  if (response.header) {
    response.header.cluster_id = 1n;
    response.header.member_id = 1n;
    response.header.raft_term = 1n;
  }
  return response;
}
