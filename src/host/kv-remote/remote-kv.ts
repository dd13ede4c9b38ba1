/**
 * The KvClient over the network: a worker's way to the servers, and with --etcd-endpoints everyone's way to a real etcd. One
 * multiplexed connection; what may be retried is decided in retry.ts; watches resume by themselves (remote-watch.ts).
 */
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
import { checkRangeStream } from "../../store/mvcc/range-stream.ts";
import { SnapshotRequest, SnapshotResponse } from "../../store/wire/admin-messages.ts";
import * as wire from "../../store/wire/messages.ts";
import type { Codec, Init } from "../../store/wire/protobuf.ts";
import { Calls } from "./calls.ts";
import { Connections } from "./connections.ts";
import { RemoteWatch } from "./remote-watch.ts";
import { adminKind, type CallKind, txnKind } from "./retry.ts";

export interface RemoteKvOptions {
  /** `http://host:port` each, tried in this order. At least one. */
  readonly endpoints: readonly string[];
  /**
   * A call that is not answered by then rejects with `kv.timeout`, or `kv.unavailable` if no server could be reached. Calls that
   * may rightly take long (retry.ts) have to be on their way by then.
   */
  readonly requestTimeoutMs: number;
}

export class RemoteKv implements KvClient, AdminClient {
  readonly #clock: Clock;
  readonly #connections: Connections;
  readonly #watches = new Set<RemoteWatch>();
  readonly #closed = new AbortController();
  readonly #calls: Calls;

  /** Connects at the first call. Throws RemoteKvError for a malformed endpoint. */
  constructor(options: RemoteKvOptions, modules: { clock: Clock; logger: Logger }) {
    this.#clock = modules.clock;
    this.#connections = new Connections(options, modules);
    this.#calls = new Calls(options, {
      connections: this.#connections,
      clock: modules.clock,
      closed: this.#closed.signal,
    });
  }

  range(request: Init<wire.RangeRequest>, options?: CallOptions): Promise<wire.RangeResponse> {
    return this.#call("read", "KV/Range", wire.RangeRequest, wire.RangeResponse, request, options);
  }
  /** The server's bytes as they are. */
  async rangeEncoded(
    request: Init<wire.RangeRequest>,
    options: CallOptions = {},
  ): Promise<readonly Uint8Array[]> {
    const message = options.raw ?? wire.RangeRequest.encode(request);
    return [await this.#calls.unary("read", "/etcdserverpb.KV/Range", message, options)];
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

  /** Older servers have no such rpc; there the answer comes in one piece, which is the same answer. */
  async *rangeStream(
    request: Init<wire.RangeRequest>,
    options: CallOptions = {},
  ): AsyncIterable<wire.RangeResponse> {
    // Refused here, so that "unimplemented" below means a server that has no RangeStream.
    checkRangeStream(wire.RangeRequest.create(request));
    const message = options.raw ?? wire.RangeRequest.encode(request);
    try {
      for await (const piece of this.#calls.stream("/etcdserverpb.KV/RangeStream", message, options)) {
        const { range_response } = wire.RangeStreamResponse.decode(piece);
        if (range_response) yield range_response;
      }
      return;
    } catch (error) {
      if (!(error instanceof KvError) || error.code !== "kv.unimplemented") throw error;
    }
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
    const given = request as Init<AdminRequest<Name>>;
    return this.#call(adminKind(name), `${row.service}/${name}`, input, output, given, options);
  }

  async *snapshot(options: CallOptions = {}): AsyncIterable<SnapshotResponse> {
    const message = options.raw ?? SnapshotRequest.encode({});
    for await (const piece of this.#calls.stream("/etcdserverpb.Maintenance/Snapshot", message, options)) {
      yield SnapshotResponse.decode(piece);
    }
  }

  openWatch(sink: WatchSink, options: Pick<CallOptions, "caller"> = {}): WatchStream {
    const watch = new RemoteWatch(
      { sink, caller: options.caller, onEnd: () => this.#watches.delete(watch) },
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
    return output.decode(await this.#calls.unary(kind, `/etcdserverpb.${method}`, message, options));
  }
}
