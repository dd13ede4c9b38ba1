/**
 * The KvClient over the network: a worker's way to the servers, and with --etcd-endpoints everyone's way to a real etcd. One
 * multiplexed connection; what may be retried is decided in retry.ts; watches resume by themselves (remote-watch.ts).
 */
import { messageOf } from "../../base/errors.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import {
  type AdminClient,
  type AdminRequest,
  type AdminResponse,
  type AdminRpc,
  adminRpcs,
} from "../../store/admin.ts";
import {
  type CallOptions,
  type KvClient,
  KvError,
  type WatchSink,
  type WatchStream,
} from "../../store/kv.ts";
import type { SnapshotResponse } from "../../store/wire/admin-messages.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import * as wire from "../../store/wire/messages.ts";
import type { Codec, Init } from "../../store/wire/protobuf.ts";
import { kvErrorOfStatus } from "../../store/wire/status.ts";
import { backoffMs, pause } from "./backoff.ts";
import { Connections } from "./connections.ts";
import type { GrpcConnection } from "./grpc-connection.ts";
import { RemoteWatch } from "./remote-watch.ts";
import { type CallKind, mayResend, txnKind } from "./retry.ts";

export interface RemoteKvOptions {
  /** `http://host:port` each, tried in this order. At least one. */
  readonly endpoints: readonly string[];
  /** A call that is not answered by then rejects with `kv.timeout`, or `kv.unavailable` if no server could be reached. */
  readonly requestTimeoutMs: number;
}

export class RemoteKv implements KvClient, AdminClient {
  readonly #requestTimeoutMs: number;
  readonly #clock: Clock;
  readonly #connections: Connections;
  readonly #watches = new Set<RemoteWatch>();
  readonly #closed = new AbortController();

  /** Connects at the first call. Throws RemoteKvError for a malformed endpoint. */
  constructor(options: RemoteKvOptions, modules: { clock: Clock; logger: Logger }) {
    this.#requestTimeoutMs = options.requestTimeoutMs;
    this.#clock = modules.clock;
    this.#connections = new Connections(options, modules);
  }

  range(request: Init<wire.RangeRequest>, options?: CallOptions): Promise<wire.RangeResponse> {
    return this.#call("read", "KV/Range", wire.RangeRequest, wire.RangeResponse, request, options);
  }
  put(request: Init<wire.PutRequest>, options?: CallOptions): Promise<wire.PutResponse> {
    return this.#call("write", "KV/Put", wire.PutRequest, wire.PutResponse, request, options);
  }
  deleteRange(
    request: Init<wire.DeleteRangeRequest>,
    options?: CallOptions,
  ): Promise<wire.DeleteRangeResponse> {
    const [input, output] = [wire.DeleteRangeRequest, wire.DeleteRangeResponse];
    return this.#call("write", "KV/DeleteRange", input, output, request, options);
  }
  txn(request: Init<wire.TxnRequest>, options?: CallOptions): Promise<wire.TxnResponse> {
    return this.#call(txnKind(request), "KV/Txn", wire.TxnRequest, wire.TxnResponse, request, options);
  }
  compact(request: Init<wire.CompactionRequest>, options?: CallOptions): Promise<wire.CompactionResponse> {
    const [input, output] = [wire.CompactionRequest, wire.CompactionResponse];
    return this.#call("write", "KV/Compact", input, output, request, options);
  }
  leaseGrant(request: Init<wire.LeaseGrantRequest>, options?: CallOptions): Promise<wire.LeaseGrantResponse> {
    const [input, output] = [wire.LeaseGrantRequest, wire.LeaseGrantResponse];
    return this.#call("write", "Lease/LeaseGrant", input, output, request, options);
  }
  leaseRevoke(
    request: Init<wire.LeaseRevokeRequest>,
    options?: CallOptions,
  ): Promise<wire.LeaseRevokeResponse> {
    const [input, output] = [wire.LeaseRevokeRequest, wire.LeaseRevokeResponse];
    return this.#call("write", "Lease/LeaseRevoke", input, output, request, options);
  }
  /** A stream of one request; may be sent again, since a second keepalive does no harm. */
  leaseKeepAlive(
    request: Init<wire.LeaseKeepAliveRequest>,
    options?: CallOptions,
  ): Promise<wire.LeaseKeepAliveResponse> {
    const [input, output] = [wire.LeaseKeepAliveRequest, wire.LeaseKeepAliveResponse];
    return this.#call("read", "Lease/LeaseKeepAlive", input, output, request, options);
  }
  leaseTimeToLive(
    request: Init<wire.LeaseTimeToLiveRequest>,
    options?: CallOptions,
  ): Promise<wire.LeaseTimeToLiveResponse> {
    const [input, output] = [wire.LeaseTimeToLiveRequest, wire.LeaseTimeToLiveResponse];
    return this.#call("read", "Lease/LeaseTimeToLive", input, output, request, options);
  }
  leaseLeases(
    request: Init<wire.LeaseLeasesRequest>,
    options?: CallOptions,
  ): Promise<wire.LeaseLeasesResponse> {
    const [input, output] = [wire.LeaseLeasesRequest, wire.LeaseLeasesResponse];
    return this.#call("read", "Lease/LeaseLeases", input, output, request, options);
  }
  memberList(request: Init<wire.MemberListRequest>, options?: CallOptions): Promise<wire.MemberListResponse> {
    const [input, output] = [wire.MemberListRequest, wire.MemberListResponse];
    return this.#call("read", "Cluster/MemberList", input, output, request, options);
  }
  status(request: Init<wire.StatusRequest>, options?: CallOptions): Promise<wire.StatusResponse> {
    return this.#call(
      "read",
      "Maintenance/Status",
      wire.StatusRequest,
      wire.StatusResponse,
      request,
      options,
    );
  }

  /** One piece: older servers have no such rpc, and a worker's clients see the same answer. */
  async *rangeStream(
    request: Init<wire.RangeRequest>,
    options?: CallOptions,
  ): AsyncIterable<wire.RangeResponse> {
    yield await this.range(request, options);
  }

  call<Name extends AdminRpc>(
    name: Name,
    request: AdminRequest<Name>,
    options?: CallOptions,
  ): Promise<AdminResponse<Name>> {
    const row = adminRpcs[name];
    const [input, output] = [row.request, row.response] as unknown as [
      Codec<AdminRequest<Name>>,
      Codec<AdminResponse<Name>>,
    ];
    return this.#call(
      "write",
      `${row.service}/${name}`,
      input,
      output,
      request as Init<AdminRequest<Name>>,
      options,
    );
  }

  snapshot(_options?: CallOptions): AsyncIterable<SnapshotResponse> {
    throw new KvError("kv.unimplemented", "a worker passes no snapshot on; ask a server");
  }

  openWatch(sink: WatchSink, _options: Pick<CallOptions, "caller"> = {}): WatchStream {
    const watch = new RemoteWatch(
      { sink, onEnd: () => this.#watches.delete(watch) },
      { connections: this.#connections, clock: this.#clock },
    );
    this.#watches.add(watch);
    return watch;
  }

  /** Ends every watch with `closed(null)`, rejects calls in progress with `kv.stopped`, closes the connection. */
  close(): void {
    this.#closed.abort();
    for (const watch of [...this.#watches]) watch.stop();
    this.#connections.close();
  }

  async #call<Request, Response>(
    kind: CallKind,
    method: string,
    input: Codec<Request>,
    output: Codec<Response>,
    request: Init<Request>,
    options: CallOptions = {},
  ): Promise<Response> {
    const message = options.raw ?? input.encode(request);
    const timeout = new AbortController();
    const deadline = Instant(this.#clock.now() + this.#requestTimeoutMs);
    const timer = this.#clock.at(deadline, () => timeout.abort());
    const signals = [timeout.signal, this.#closed.signal];
    if (options.signal) signals.push(options.signal);
    const signal = AbortSignal.any(signals);
    try {
      return output.decode(await this.#attempts(kind, `/etcdserverpb.${method}`, message, signal));
    } catch (error) {
      if (options.signal?.aborted) throw new KvError("kv.canceled", undefined, { cause: error });
      if (this.#closed.signal.aborted) throw new KvError("kv.stopped", undefined, { cause: error });
      if (!(error instanceof KvError) || error.code !== "kv.canceled" || !signal.aborted) throw error;
      throw new KvError("kv.timeout", "the server did not answer in time", { cause: error });
    } finally {
      timer.cancel();
    }
  }

  /** Sends until answered. Once `signal` is aborted it throws the last failure, `kv.canceled` if there was none. */
  async #attempts(
    kind: CallKind,
    path: string,
    message: Uint8Array,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    let failure = new KvError("kv.canceled");
    for (let attempt = 0; ; attempt++) {
      await pause(backoffMs(attempt, this.#connections.count), this.#clock, signal);
      if (signal.aborted) throw failure;
      const connection = await this.#connect(signal);
      if (connection instanceof KvError) {
        failure = connection;
        continue;
      }
      const end = await connection.unary(path, message, {}, signal);
      if (end.fate === "answered" && end.status.code === GrpcCode.OK) {
        if (end.message === null) throw new KvError("kv.unknown", "the answer has no message");
        return end.message;
      }
      failure = kvErrorOfStatus(end.status);
      if (!mayResend(kind, end)) throw failure;
      this.#connections.abandon(connection);
    }
  }

  /** A connection, or why there is none now: every endpoint refused, or `signal` was aborted while connecting. */
  #connect(signal: AbortSignal): Promise<GrpcConnection | KvError> {
    return new Promise((resolve) => {
      // A listener left behind would keep the call's signal, and so the call, alive for as long as the client.
      const settle = (outcome: GrpcConnection | KvError): void => {
        signal.removeEventListener("abort", aborted);
        resolve(outcome);
      };
      const aborted = (): void => settle(new KvError("kv.canceled"));
      signal.addEventListener("abort", aborted);
      this.#connections.get().then(settle, (error: unknown) => {
        settle(
          error instanceof KvError ? error : new KvError("kv.unknown", messageOf(error), { cause: error }),
        );
      });
    });
  }
}
