/**
 * The table of the v3 gRPC surface (etcd.md section 2). Every rpc of etcd 3.5 has its row; the ones without a handler yet
 * answer Unimplemented, but are known, so that clients and the `grpc_server_*` counters see the whole surface.
 */
import type { KvClient } from "../../store/kv.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { GrpcError } from "../transport/errors.ts";
import type { GrpcMethod, GrpcMethods } from "../transport/grpc-method.ts";
import { clusterMemberList } from "./cluster-member-list.ts";
import { healthCheck, healthWatch } from "./health.ts";
import { kvCompact } from "./kv-compact.ts";
import { kvDeleteRange } from "./kv-delete-range.ts";
import { kvPut } from "./kv-put.ts";
import { kvRange } from "./kv-range.ts";
import { kvTxn } from "./kv-txn.ts";
import { leaseGrant } from "./lease-grant.ts";
import { leaseKeepAlive } from "./lease-keep-alive.ts";
import { leaseLeases } from "./lease-leases.ts";
import { leaseRevoke } from "./lease-revoke.ts";
import { leaseTimeToLive } from "./lease-time-to-live.ts";
import { maintenanceStatus } from "./maintenance-status.ts";
import { type Leadership, leadershipElsewhere } from "./unary.ts";
import { watch } from "./watch.ts";

/** Names by service, of rpcs that wait for their issue. */
const unimplementedUnary: Readonly<Record<string, readonly string[]>> = {
  "etcdserverpb.Cluster": ["MemberAdd", "MemberRemove", "MemberUpdate", "MemberPromote"],
  "etcdserverpb.Maintenance": ["Alarm", "Defragment", "Hash", "HashKV", "MoveLeader", "Downgrade"],
  "etcdserverpb.Auth": [
    ...["AuthEnable", "AuthDisable", "AuthStatus", "Authenticate"],
    ...["UserAdd", "UserGet", "UserList", "UserDelete", "UserChangePassword"],
    ...["UserGrantRole", "UserRevokeRole"],
    ...["RoleAdd", "RoleGet", "RoleList", "RoleDelete", "RoleGrantPermission", "RoleRevokePermission"],
  ],
  "v3lockpb.Lock": ["Lock", "Unlock"],
  "v3electionpb.Election": ["Campaign", "Proclaim", "Leader", "Resign"],
};
const unimplementedStreams: Readonly<Record<string, readonly string[]>> = {
  "etcdserverpb.Maintenance": ["Snapshot"],
  "v3electionpb.Election": ["Observe"],
};

/** All methods over one KvClient. Without `leadership` the client is remote and the server behind it judges `hasleader`. */
export function v3Methods(modules: { kv: KvClient; leadership?: Leadership }): GrpcMethods {
  const { kv, leadership = leadershipElsewhere } = modules;
  return new Map<string, GrpcMethod>([
    ...unimplemented(),
    ["/etcdserverpb.KV/Range", kvRange(kv, leadership)],
    ["/etcdserverpb.KV/Put", kvPut(kv, leadership)],
    ["/etcdserverpb.KV/DeleteRange", kvDeleteRange(kv, leadership)],
    ["/etcdserverpb.KV/Txn", kvTxn(kv, leadership)],
    ["/etcdserverpb.KV/Compact", kvCompact(kv, leadership)],
    ["/etcdserverpb.Watch/Watch", watch(kv, leadership)],
    ["/etcdserverpb.Lease/LeaseGrant", leaseGrant(kv, leadership)],
    ["/etcdserverpb.Lease/LeaseRevoke", leaseRevoke(kv, leadership)],
    ["/etcdserverpb.Lease/LeaseKeepAlive", leaseKeepAlive(kv, leadership)],
    ["/etcdserverpb.Lease/LeaseTimeToLive", leaseTimeToLive(kv, leadership)],
    ["/etcdserverpb.Lease/LeaseLeases", leaseLeases(kv, leadership)],
    ["/etcdserverpb.Cluster/MemberList", clusterMemberList(kv, leadership)],
    ["/etcdserverpb.Maintenance/Status", maintenanceStatus(kv, leadership)],
    ["/grpc.health.v1.Health/Check", healthCheck],
    ["/grpc.health.v1.Health/Watch", healthWatch],
  ]);
}

function* unimplemented(): Generator<[string, GrpcMethod]> {
  const refuse = (name: string): never => {
    throw new GrpcError(GrpcCode.UNIMPLEMENTED, `method ${name} not implemented`);
  };
  for (const [service, names] of Object.entries(unimplementedUnary)) {
    for (const name of names) {
      yield [`/${service}/${name}`, { kind: "unary", handle: async () => refuse(name) }];
    }
  }
  for (const [service, names] of Object.entries(unimplementedStreams)) {
    for (const name of names) {
      yield [`/${service}/${name}`, { kind: "server_stream", handle: () => refuse(name) }];
    }
  }
}
