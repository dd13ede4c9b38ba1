/**
 * The store as everyone else sees it. `KvClient` is implemented by the member itself (agent/member), by the remote client
 * (host/kv-remote: worker to server, and external etcd) and by a fake; test/conformance/kv-client.ts is its meaning.
 * units/ and network/ import this file and nothing else of store/.
 */
import type * as wire from "./wire/messages.ts";
import type { Init } from "./wire/protobuf.ts";

export { KvError, type KvErrorCode } from "./errors.ts";
export type {
  Compare,
  Event,
  KeyValue,
  Member,
  RequestOp,
  TxnRequest,
  WatchResponse,
} from "./wire/messages.ts";
export type { Init } from "./wire/protobuf.ts";

/**
 * On whose behalf a call is made (etcd.md 9.4). The fronts always say so; a call without a caller is the agent's own and is
 * trusted. `user` is null for a client that did not identify itself, which is enough while auth is off.
 */
export interface Caller {
  readonly user: string | null;
  /** Revision of the auth store that the identity was established at (etcd.md 9.4, "revision of auth store is old"). */
  readonly authRevision: number;
  /** The token as the client sent it, for a client that passes the call on to a server. */
  readonly token?: string;
  /** The client wants an error where there is no leader (`hasleader`, etcd.md 1); likewise for who passes the call on. */
  readonly requiresLeader?: boolean;
}

export interface CallOptions {
  readonly caller?: Caller;
  /** Gives up waiting: the promise rejects with `kv.canceled`. A write that was proposed may still happen. */
  readonly signal?: AbortSignal;
  /** The encoded request, where the caller has it; must be an encoding of the same request. Spares encoding it again. */
  readonly raw?: Uint8Array;
}

/** Requests take any subset of the message's fields; absent ones have proto3's defaults. Errors are KvError. */
export interface KvClient {
  range(request: Init<wire.RangeRequest>, options?: CallOptions): Promise<wire.RangeResponse>;
  /**
   * The same answer as bytes: pieces that together are one encoded RangeResponse, of which a wide range is never made into
   * objects. For fronts that only pass it on; who has no such form leaves it out.
   */
  rangeEncoded?(request: Init<wire.RangeRequest>, options?: CallOptions): Promise<readonly Uint8Array[]>;
  /** The same answer in pieces, pulled one at a time, so that a wide range is never whole in memory (etcd.md 4.3, RangeStream). */
  rangeStream(request: Init<wire.RangeRequest>, options?: CallOptions): AsyncIterable<wire.RangeResponse>;
  put(request: Init<wire.PutRequest>, options?: CallOptions): Promise<wire.PutResponse>;
  deleteRange(
    request: Init<wire.DeleteRangeRequest>,
    options?: CallOptions,
  ): Promise<wire.DeleteRangeResponse>;
  txn(request: Init<wire.TxnRequest>, options?: CallOptions): Promise<wire.TxnResponse>;
  compact(request: Init<wire.CompactionRequest>, options?: CallOptions): Promise<wire.CompactionResponse>;
  leaseGrant(request: Init<wire.LeaseGrantRequest>, options?: CallOptions): Promise<wire.LeaseGrantResponse>;
  leaseRevoke(
    request: Init<wire.LeaseRevokeRequest>,
    options?: CallOptions,
  ): Promise<wire.LeaseRevokeResponse>;
  /** One keepalive. An unknown or expired lease answers TTL 0, not an error (etcd.md 6). */
  leaseKeepAlive(
    request: Init<wire.LeaseKeepAliveRequest>,
    options?: CallOptions,
  ): Promise<wire.LeaseKeepAliveResponse>;
  leaseTimeToLive(
    request: Init<wire.LeaseTimeToLiveRequest>,
    options?: CallOptions,
  ): Promise<wire.LeaseTimeToLiveResponse>;
  leaseLeases(
    request: Init<wire.LeaseLeasesRequest>,
    options?: CallOptions,
  ): Promise<wire.LeaseLeasesResponse>;
  memberList(request: Init<wire.MemberListRequest>, options?: CallOptions): Promise<wire.MemberListResponse>;
  /** Status of the member that answers: this one, or the server that a remote client is connected to. */
  status(request: Init<wire.StatusRequest>, options?: CallOptions): Promise<wire.StatusResponse>;
  /**
   * Opens one watch stream (etcd.md 5.1): many watchers, one ordered sequence of responses. A refused caller is told at each
   * create, by a canceled response (5.4).
   */
  openWatch(sink: WatchSink, options?: Pick<CallOptions, "caller">): WatchStream;
}

/** The events of a response as they stand in an encoded WatchResponse: made when first asked for, once for all who get them. */
export interface EncodedEvents {
  readonly encoded: Uint8Array;
}

/** Where a watch stream's responses go. Called synchronously, in order, never re-entrantly from `create`. */
export interface WatchSink {
  /**
   * Takes one response. Returning false means "taken, but wait": no further response comes before `resume()` is called
   * on the stream; what happens meanwhile stays in the store, not in memory. `events` is the encoded form of the response's
   * events, for who sends them on; absent where nobody has it.
   */
  deliver(response: wire.WatchResponse, events?: EncodedEvents): boolean;
  /** The stream ended by itself: an error, or null when the store stops in good order. Not called after `close()`. */
  closed(error: import("./errors.ts").KvError | null): void;
}

/** One watch stream. After `close()`, or after the sink's `closed`, all methods do nothing. */
export interface WatchStream {
  create(request: Init<wire.WatchCreateRequest>): void;
  cancel(watchId: number): void;
  /** Asks for a response with watch id -1 once all watchers are caught up (etcd.md 5.13). */
  requestProgress(): void;
  resume(): void;
  close(): void;
}
