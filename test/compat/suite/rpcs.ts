/** Every rpc of etcd's v3 surface (etcd.md section 2) by its name: path, codecs, kind. What the suite may call. */
import { adminPath, adminRpcs } from "../../../src/store/admin.ts";
import * as admin from "../../../src/store/wire/admin-messages.ts";
import * as concurrency from "../../../src/store/wire/concurrency-messages.ts";
import * as wire from "../../../src/store/wire/messages.ts";
import type { Codec } from "../../../src/store/wire/protobuf.ts";

export interface Rpc {
  readonly path: string;
  readonly kind: "unary" | "server_stream" | "bidi_stream";
  readonly request: Codec<object>;
  readonly response: Codec<object>;
}

/** `Check` and `HealthWatch` are those of grpc.health.v1; the other names are the rpcs' own. */
export const rpcs: Readonly<Record<string, Rpc>> = {
  ...rows("etcdserverpb.KV", {
    Range: ["unary", wire.RangeRequest, wire.RangeResponse],
    RangeStream: ["server_stream", wire.RangeRequest, wire.RangeStreamResponse],
    Put: ["unary", wire.PutRequest, wire.PutResponse],
    DeleteRange: ["unary", wire.DeleteRangeRequest, wire.DeleteRangeResponse],
    Txn: ["unary", wire.TxnRequest, wire.TxnResponse],
    Compact: ["unary", wire.CompactionRequest, wire.CompactionResponse],
  }),
  ...rows("etcdserverpb.Watch", { Watch: ["bidi_stream", wire.WatchRequest, wire.WatchResponse] }),
  ...rows("etcdserverpb.Lease", {
    LeaseGrant: ["unary", wire.LeaseGrantRequest, wire.LeaseGrantResponse],
    LeaseRevoke: ["unary", wire.LeaseRevokeRequest, wire.LeaseRevokeResponse],
    LeaseKeepAlive: ["bidi_stream", wire.LeaseKeepAliveRequest, wire.LeaseKeepAliveResponse],
    LeaseTimeToLive: ["unary", wire.LeaseTimeToLiveRequest, wire.LeaseTimeToLiveResponse],
    LeaseLeases: ["unary", wire.LeaseLeasesRequest, wire.LeaseLeasesResponse],
  }),
  ...rows("etcdserverpb.Cluster", { MemberList: ["unary", wire.MemberListRequest, wire.MemberListResponse] }),
  ...rows("etcdserverpb.Maintenance", {
    Status: ["unary", wire.StatusRequest, wire.StatusResponse],
    Snapshot: ["server_stream", admin.SnapshotRequest, admin.SnapshotResponse],
  }),
  ...adminRows(),
  ...rows("v3lockpb.Lock", {
    Lock: ["unary", concurrency.LockRequest, concurrency.LockResponse],
    Unlock: ["unary", concurrency.UnlockRequest, concurrency.UnlockResponse],
  }),
  ...rows("v3electionpb.Election", {
    Campaign: ["unary", concurrency.CampaignRequest, concurrency.CampaignResponse],
    Proclaim: ["unary", concurrency.ProclaimRequest, concurrency.ProclaimResponse],
    Leader: ["unary", concurrency.LeaderRequest, concurrency.LeaderResponse],
    Resign: ["unary", concurrency.ResignRequest, concurrency.ResignResponse],
    Observe: ["server_stream", concurrency.LeaderRequest, concurrency.LeaderResponse],
  }),
  ...rows("grpc.health.v1.Health", {
    Check: ["unary", wire.HealthCheckRequest, wire.HealthCheckResponse],
  }),
  HealthWatch: {
    path: "/grpc.health.v1.Health/Watch",
    kind: "server_stream",
    request: wire.HealthCheckRequest,
    response: wire.HealthCheckResponse,
  } as unknown as Rpc,
  // Names that no server knows.
  UnknownMethod: {
    path: "/etcdserverpb.KV/Frobnicate",
    kind: "unary",
    request: wire.LeaseLeasesRequest,
    response: wire.LeaseLeasesRequest,
  },
  UnknownService: {
    path: "/etcdserverpb.Nothing/Range",
    kind: "unary",
    request: wire.LeaseLeasesRequest,
    response: wire.LeaseLeasesRequest,
  },
};

type Row = readonly [Rpc["kind"], Codec<never>, Codec<never>];

function rows(
  service: string,
  methods: Record<string, readonly [Rpc["kind"], unknown, unknown]>,
): Record<string, Rpc> {
  return Object.fromEntries(
    Object.entries(methods).map(([name, row]) => {
      const [kind, request, response] = row as unknown as Row;
      return [name, { path: `/${service}/${name}`, kind, request, response } as unknown as Rpc];
    }),
  );
}

function adminRows(): Record<string, Rpc> {
  const names = Object.keys(adminRpcs) as Array<keyof typeof adminRpcs>;
  return Object.fromEntries(
    names.map((name) => {
      const { request, response } = adminRpcs[name];
      return [name, { path: adminPath(name), kind: "unary", request, response } as unknown as Rpc];
    }),
  );
}
