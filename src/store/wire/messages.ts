/**
 * The messages of etcd's v3 API as tables (etcd.md section 3), with the proto's own field names, so that this file can be
 * laid beside the specification and one table serves gRPC, the log and the JSON gateway. A later service adds its rows here.
 */
import {
  bool,
  bytes,
  enumeration,
  type Infer,
  id64,
  int64,
  message,
  nested,
  optional,
  repeated,
  string,
  uint64,
} from "./protobuf.ts";

export const KeyValue = message({
  key: bytes(1),
  create_revision: int64(2),
  mod_revision: int64(3),
  version: int64(4),
  value: bytes(5),
  lease: id64(6),
});
export type KeyValue = Infer<typeof KeyValue>;

export const EventType = { PUT: 0, DELETE: 1 } as const;
export const Event = message({
  type: enumeration(1, ["PUT", "DELETE"]),
  kv: nested(2, () => KeyValue),
  prev_kv: nested(3, () => KeyValue),
});
export type Event = Infer<typeof Event>;

export const ResponseHeader = message({
  cluster_id: uint64(1),
  member_id: uint64(2),
  revision: int64(3),
  raft_term: uint64(4),
});
export type ResponseHeader = Infer<typeof ResponseHeader>;
const header = nested(1, () => ResponseHeader);

// KV

export const SortOrder = { NONE: 0, ASCEND: 1, DESCEND: 2 } as const;
export const SortTarget = { KEY: 0, VERSION: 1, CREATE: 2, MOD: 3, VALUE: 4 } as const;
export const RangeRequest = message({
  key: bytes(1),
  range_end: bytes(2),
  limit: int64(3),
  revision: int64(4),
  sort_order: enumeration(5, ["NONE", "ASCEND", "DESCEND"]),
  sort_target: enumeration(6, ["KEY", "VERSION", "CREATE", "MOD", "VALUE"]),
  serializable: bool(7),
  keys_only: bool(8),
  count_only: bool(9),
  min_mod_revision: int64(10),
  max_mod_revision: int64(11),
  min_create_revision: int64(12),
  max_create_revision: int64(13),
});
export type RangeRequest = Infer<typeof RangeRequest>;
export const RangeResponse = message({
  header,
  kvs: repeated(nested(2, () => KeyValue)),
  more: bool(3),
  count: int64(4),
});
export type RangeResponse = Infer<typeof RangeResponse>;
/** One chunk of RangeStream; header, more and count only in the last one (etcd.md 4.3). */
export const RangeStreamResponse = message({ range_response: nested(1, () => RangeResponse) });
export type RangeStreamResponse = Infer<typeof RangeStreamResponse>;

export const PutRequest = message({
  key: bytes(1),
  value: bytes(2),
  lease: id64(3),
  prev_kv: bool(4),
  ignore_value: bool(5),
  ignore_lease: bool(6),
});
export type PutRequest = Infer<typeof PutRequest>;
export const PutResponse = message({ header, prev_kv: nested(2, () => KeyValue) });
export type PutResponse = Infer<typeof PutResponse>;

export const DeleteRangeRequest = message({ key: bytes(1), range_end: bytes(2), prev_kv: bool(3) });
export type DeleteRangeRequest = Infer<typeof DeleteRangeRequest>;
export const DeleteRangeResponse = message({
  header,
  deleted: int64(2),
  prev_kvs: repeated(nested(3, () => KeyValue)),
});
export type DeleteRangeResponse = Infer<typeof DeleteRangeResponse>;

/** A oneof: exactly one member is set. */
export interface RequestOp {
  request_range: RangeRequest | undefined;
  request_put: PutRequest | undefined;
  request_delete_range: DeleteRangeRequest | undefined;
  request_txn: TxnRequest | undefined;
}
export const RequestOp: import("./protobuf.ts").Codec<RequestOp> = message({
  request_range: nested(1, () => RangeRequest),
  request_put: nested(2, () => PutRequest),
  request_delete_range: nested(3, () => DeleteRangeRequest),
  request_txn: nested<TxnRequest>(4, () => TxnRequest),
});
/** A oneof, parallel to RequestOp. */
export interface ResponseOp {
  response_range: RangeResponse | undefined;
  response_put: PutResponse | undefined;
  response_delete_range: DeleteRangeResponse | undefined;
  response_txn: TxnResponse | undefined;
}
export const ResponseOp: import("./protobuf.ts").Codec<ResponseOp> = message({
  response_range: nested(1, () => RangeResponse),
  response_put: nested(2, () => PutResponse),
  response_delete_range: nested(3, () => DeleteRangeResponse),
  response_txn: nested<TxnResponse>(4, () => TxnResponse),
});

export const CompareResult = { EQUAL: 0, GREATER: 1, LESS: 2, NOT_EQUAL: 3 } as const;
export const CompareTarget = { VERSION: 0, CREATE: 1, MOD: 2, VALUE: 3, LEASE: 4 } as const;
export const Compare = message({
  result: enumeration(1, ["EQUAL", "GREATER", "LESS", "NOT_EQUAL"]),
  target: enumeration(2, ["VERSION", "CREATE", "MOD", "VALUE", "LEASE"]),
  key: bytes(3),
  version: optional(int64(4)),
  create_revision: optional(int64(5)),
  mod_revision: optional(int64(6)),
  value: optional(bytes(7)),
  lease: optional(id64(8)),
  range_end: bytes(64),
});
export type Compare = Infer<typeof Compare>;

export interface TxnRequest {
  compare: Compare[];
  success: RequestOp[];
  failure: RequestOp[];
}
export const TxnRequest: import("./protobuf.ts").Codec<TxnRequest> = message({
  compare: repeated(nested(1, () => Compare)),
  success: repeated(nested(2, () => RequestOp)),
  failure: repeated(nested(3, () => RequestOp)),
});
export interface TxnResponse {
  header: ResponseHeader | undefined;
  succeeded: boolean;
  responses: ResponseOp[];
}
export const TxnResponse: import("./protobuf.ts").Codec<TxnResponse> = message({
  header,
  succeeded: bool(2),
  responses: repeated(nested(3, () => ResponseOp)),
});

export const CompactionRequest = message({ revision: int64(1), physical: bool(2) });
export type CompactionRequest = Infer<typeof CompactionRequest>;
export const CompactionResponse = message({ header });
export type CompactionResponse = Infer<typeof CompactionResponse>;

// Watch

export const WatchFilter = { NOPUT: 0, NODELETE: 1 } as const;
export const WatchCreateRequest = message({
  key: bytes(1),
  range_end: bytes(2),
  start_revision: int64(3),
  progress_notify: bool(4),
  filters: repeated(enumeration(5, ["NOPUT", "NODELETE"])),
  prev_kv: bool(6),
  watch_id: int64(7),
  fragment: bool(8),
});
export type WatchCreateRequest = Infer<typeof WatchCreateRequest>;
export const WatchCancelRequest = message({ watch_id: int64(1) });
export type WatchCancelRequest = Infer<typeof WatchCancelRequest>;
export const WatchProgressRequest = message({});
export type WatchProgressRequest = Infer<typeof WatchProgressRequest>;
export const WatchRequest = message({
  create_request: nested(1, () => WatchCreateRequest),
  cancel_request: nested(2, () => WatchCancelRequest),
  progress_request: nested(3, () => WatchProgressRequest),
});
export type WatchRequest = Infer<typeof WatchRequest>;
export const WatchResponse = message({
  header,
  watch_id: int64(2),
  created: bool(3),
  canceled: bool(4),
  compact_revision: int64(5),
  cancel_reason: string(6),
  fragment: bool(7),
  events: repeated(nested(11, () => Event)),
});
export type WatchResponse = Infer<typeof WatchResponse>;

// Lease

export const LeaseGrantRequest = message({ TTL: int64(1), ID: id64(2) });
export type LeaseGrantRequest = Infer<typeof LeaseGrantRequest>;
export const LeaseGrantResponse = message({ header, ID: id64(2), TTL: int64(3), error: string(4) });
export type LeaseGrantResponse = Infer<typeof LeaseGrantResponse>;
export const LeaseRevokeRequest = message({ ID: id64(1) });
export type LeaseRevokeRequest = Infer<typeof LeaseRevokeRequest>;
export const LeaseRevokeResponse = message({ header });
export type LeaseRevokeResponse = Infer<typeof LeaseRevokeResponse>;
export const LeaseKeepAliveRequest = message({ ID: id64(1) });
export type LeaseKeepAliveRequest = Infer<typeof LeaseKeepAliveRequest>;
export const LeaseKeepAliveResponse = message({ header, ID: id64(2), TTL: int64(3) });
export type LeaseKeepAliveResponse = Infer<typeof LeaseKeepAliveResponse>;
export const LeaseTimeToLiveRequest = message({ ID: id64(1), keys: bool(2) });
export type LeaseTimeToLiveRequest = Infer<typeof LeaseTimeToLiveRequest>;
export const LeaseTimeToLiveResponse = message({
  header,
  ID: id64(2),
  TTL: int64(3),
  grantedTTL: int64(4),
  keys: repeated(bytes(5)),
});
export type LeaseTimeToLiveResponse = Infer<typeof LeaseTimeToLiveResponse>;
export const LeaseLeasesRequest = message({});
export type LeaseLeasesRequest = Infer<typeof LeaseLeasesRequest>;
export const LeaseStatus = message({ ID: id64(1) });
export type LeaseStatus = Infer<typeof LeaseStatus>;
export const LeaseLeasesResponse = message({ header, leases: repeated(nested(2, () => LeaseStatus)) });
export type LeaseLeasesResponse = Infer<typeof LeaseLeasesResponse>;

// Cluster and maintenance

export const Member = message({
  ID: uint64(1),
  name: string(2),
  peerURLs: repeated(string(3)),
  clientURLs: repeated(string(4)),
  isLearner: bool(5),
});
export type Member = Infer<typeof Member>;
export const MemberListRequest = message({ linearizable: bool(1) });
export type MemberListRequest = Infer<typeof MemberListRequest>;
export const MemberListResponse = message({ header, members: repeated(nested(2, () => Member)) });
export type MemberListResponse = Infer<typeof MemberListResponse>;
export const DowngradeInfo = message({ enabled: bool(1), targetVersion: string(2) });
export type DowngradeInfo = Infer<typeof DowngradeInfo>;
export const StatusRequest = message({});
export type StatusRequest = Infer<typeof StatusRequest>;
export const StatusResponse = message({
  header,
  version: string(2),
  dbSize: int64(3),
  leader: uint64(4),
  raftIndex: int64(5),
  raftTerm: int64(6),
  raftAppliedIndex: int64(7),
  errors: repeated(string(8)),
  dbSizeInUse: int64(9),
  isLearner: bool(10),
  storageVersion: string(11),
  dbSizeQuota: int64(12),
  downgradeInfo: nested(13, () => DowngradeInfo),
});
export type StatusResponse = Infer<typeof StatusResponse>;

// grpc.health.v1

export const ServingStatus = { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const;
export const HealthCheckRequest = message({ service: string(1) });
export type HealthCheckRequest = Infer<typeof HealthCheckRequest>;
export const HealthCheckResponse = message({
  status: enumeration(1, ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"]),
});
export type HealthCheckResponse = Infer<typeof HealthCheckResponse>;
export const HealthListRequest = message({});
export type HealthListRequest = Infer<typeof HealthListRequest>;
/** A protobuf map: on the wire it is repeated pairs. */
const HealthListEntry = message({ key: string(1), value: nested(2, () => HealthCheckResponse) });
export const HealthListResponse = message({ statuses: repeated(nested(1, () => HealthListEntry)) });
export type HealthListResponse = Infer<typeof HealthListResponse>;

/** Internal, never on a client's wire: what a member says of itself once it runs (etcd.md 7, "started" members). */
export const MemberAttributes = message({ ID: uint64(1), name: string(2), clientURLs: repeated(string(3)) });
export type MemberAttributes = Infer<typeof MemberAttributes>;

/** Internal: several leases that the leader found expired, revoked in one entry (etcd.md 6). `term` is its raft term. */
export const LeaseExpire = message({ IDs: repeated(id64(1)), term: int64(2) });
export type LeaseExpire = Infer<typeof LeaseExpire>;
/** Internal: remaining time of a lease, so that a new leader does not restart it (etcd.md 6). Milliseconds; 0 is "all". */
export const LeaseCheckpoint = message({ ID: id64(1), remaining_ms: int64(2) });
export type LeaseCheckpoint = Infer<typeof LeaseCheckpoint>;
/** `term` is the raft term of the leader that says so; an entry of another term counts for nothing. */
export const LeaseCheckpoints = message({
  checkpoints: repeated(nested(1, () => LeaseCheckpoint)),
  term: int64(2),
});
export type LeaseCheckpoints = Infer<typeof LeaseCheckpoints>;
/** Internal, between members: keepalives that go to the leader together, and the TTL of each (0: no such lease). */
export const LeaseRenewals = message({ IDs: repeated(id64(1)) });
export type LeaseRenewals = Infer<typeof LeaseRenewals>;
export const LeaseRenewed = message({ TTLs: repeated(int64(1)) });
export type LeaseRenewed = Infer<typeof LeaseRenewed>;
