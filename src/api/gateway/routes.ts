/** The paths of the JSON gateway and the rpc behind each (etcd.md 12.1). */
import { type AdminRpc, adminPath, adminRpcs } from "../../store/admin.ts";
import { SnapshotRequest, SnapshotResponse } from "../../store/wire/admin-messages.ts";
import * as concurrency from "../../store/wire/concurrency-messages.ts";
import * as wire from "../../store/wire/messages.ts";
import type { Codec } from "../../store/wire/protobuf.ts";

export interface Route {
  /** Full gRPC path. */
  readonly rpc: string;
  readonly request: Codec<object>;
  readonly response: Codec<object>;
}

/** What etcd has called its gateway over the years; all are served alike. */
export const prefixes: readonly string[] = ["/v3", "/v3beta", "/v3alpha"];

/** By the path below the prefix. */
export const routes: ReadonlyMap<string, Route> = new Map([
  ["/kv/range", route("etcdserverpb.KV/Range", wire.RangeRequest, wire.RangeResponse)],
  ["/kv/put", route("etcdserverpb.KV/Put", wire.PutRequest, wire.PutResponse)],
  [
    "/kv/deleterange",
    route("etcdserverpb.KV/DeleteRange", wire.DeleteRangeRequest, wire.DeleteRangeResponse),
  ],
  ["/kv/txn", route("etcdserverpb.KV/Txn", wire.TxnRequest, wire.TxnResponse)],
  ["/kv/compaction", route("etcdserverpb.KV/Compact", wire.CompactionRequest, wire.CompactionResponse)],
  ["/watch", route("etcdserverpb.Watch/Watch", wire.WatchRequest, wire.WatchResponse)],
  ["/lease/grant", lease("LeaseGrant", wire.LeaseGrantRequest, wire.LeaseGrantResponse)],
  ...["/lease", "/kv/lease"].flatMap((prefix): [string, Route][] => [
    [`${prefix}/revoke`, lease("LeaseRevoke", wire.LeaseRevokeRequest, wire.LeaseRevokeResponse)],
    [
      `${prefix}/timetolive`,
      lease("LeaseTimeToLive", wire.LeaseTimeToLiveRequest, wire.LeaseTimeToLiveResponse),
    ],
    [`${prefix}/leases`, lease("LeaseLeases", wire.LeaseLeasesRequest, wire.LeaseLeasesResponse)],
  ]),
  ["/lease/keepalive", lease("LeaseKeepAlive", wire.LeaseKeepAliveRequest, wire.LeaseKeepAliveResponse)],
  ["/cluster/member/add", admin("MemberAdd")],
  ["/cluster/member/remove", admin("MemberRemove")],
  ["/cluster/member/update", admin("MemberUpdate")],
  ["/cluster/member/promote", admin("MemberPromote")],
  [
    "/cluster/member/list",
    route("etcdserverpb.Cluster/MemberList", wire.MemberListRequest, wire.MemberListResponse),
  ],
  ["/maintenance/alarm", admin("Alarm")],
  ["/maintenance/status", route("etcdserverpb.Maintenance/Status", wire.StatusRequest, wire.StatusResponse)],
  ["/maintenance/defragment", admin("Defragment")],
  ["/maintenance/hash", admin("Hash")],
  ["/maintenance/hashkv", admin("HashKV")],
  ["/maintenance/snapshot", route("etcdserverpb.Maintenance/Snapshot", SnapshotRequest, SnapshotResponse)],
  ["/maintenance/transfer-leadership", admin("MoveLeader")],
  ["/maintenance/downgrade", admin("Downgrade")],
  ["/auth/enable", admin("AuthEnable")],
  ["/auth/disable", admin("AuthDisable")],
  ["/auth/status", admin("AuthStatus")],
  ["/auth/authenticate", admin("Authenticate")],
  ["/auth/user/add", admin("UserAdd")],
  ["/auth/user/get", admin("UserGet")],
  ["/auth/user/list", admin("UserList")],
  ["/auth/user/delete", admin("UserDelete")],
  ["/auth/user/changepw", admin("UserChangePassword")],
  ["/auth/user/grant", admin("UserGrantRole")],
  ["/auth/user/revoke", admin("UserRevokeRole")],
  ["/auth/role/add", admin("RoleAdd")],
  ["/auth/role/get", admin("RoleGet")],
  ["/auth/role/list", admin("RoleList")],
  ["/auth/role/delete", admin("RoleDelete")],
  ["/auth/role/grant", admin("RoleGrantPermission")],
  ["/auth/role/revoke", admin("RoleRevokePermission")],
  ["/lock/lock", route("v3lockpb.Lock/Lock", concurrency.LockRequest, concurrency.LockResponse)],
  ["/lock/unlock", route("v3lockpb.Lock/Unlock", concurrency.UnlockRequest, concurrency.UnlockResponse)],
  ["/election/campaign", election("Campaign", concurrency.CampaignRequest, concurrency.CampaignResponse)],
  ["/election/proclaim", election("Proclaim", concurrency.ProclaimRequest, concurrency.ProclaimResponse)],
  ["/election/leader", election("Leader", concurrency.LeaderRequest, concurrency.LeaderResponse)],
  ["/election/observe", election("Observe", concurrency.LeaderRequest, concurrency.LeaderResponse)],
  ["/election/resign", election("Resign", concurrency.ResignRequest, concurrency.ResignResponse)],
]);

/** The route of a URL's path, without its query; undefined if there is none. */
export function routeOf(path: string): Route | undefined {
  const below = path.indexOf("/", 1);
  return prefixes.includes(path.slice(0, below)) ? routes.get(path.slice(below)) : undefined;
}

/**
 * Whether the stream lives on when the request's body has ended: a watch given as one body is answered until the client
 * goes (etcd does not end a half-closed watch), while keepalive answers what was sent and ends.
 */
export function staysOpen(route: Route): boolean {
  return route.rpc === "/etcdserverpb.Watch/Watch";
}

function route<Request, Response>(rpc: string, request: Codec<Request>, response: Codec<Response>): Route {
  // The gateway goes from bytes to JSON by the tables alone; the shapes are of no interest to it.
  return {
    rpc: `/${rpc}`,
    request: request as unknown as Codec<object>,
    response: response as unknown as Codec<object>,
  };
}

function lease<Request, Response>(name: string, request: Codec<Request>, response: Codec<Response>): Route {
  return route(`etcdserverpb.Lease/${name}`, request, response);
}

function election<Request, Response>(
  name: string,
  request: Codec<Request>,
  response: Codec<Response>,
): Route {
  return route(`v3electionpb.Election/${name}`, request, response);
}

function admin(name: AdminRpc): Route {
  const { request, response } = adminRpcs[name] as { request: Codec<object>; response: Codec<object> };
  return { rpc: adminPath(name), request, response };
}
