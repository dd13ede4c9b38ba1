/**
 * The table of the v3 gRPC surface (etcd.md section 2). Every rpc of etcd 3.5 has its row; the ones without a handler yet
 * answer Unimplemented, but are known, so that clients and the `grpc_server_*` counters see the whole surface.
 */
import type { AdminClient } from "../../store/admin.ts";
import type { KvClient } from "../../store/kv.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { GrpcError } from "../transport/errors.ts";
import type { GrpcMethod, GrpcMethods } from "../transport/grpc-method.ts";
import { adminMethods, maintenanceSnapshot } from "./admin.ts";
import { clusterMemberList } from "./cluster-member-list.ts";
import type { Gate } from "./gate.ts";
import { healthCheck, healthWatch } from "./health.ts";
import { kvCompact } from "./kv-compact.ts";
import { kvDeleteRange } from "./kv-delete-range.ts";
import { kvPut } from "./kv-put.ts";
import { kvRange } from "./kv-range.ts";
import { kvRangeStream } from "./kv-range-stream.ts";
import { kvTxn } from "./kv-txn.ts";
import { leaseGrant } from "./lease-grant.ts";
import { leaseKeepAlive } from "./lease-keep-alive.ts";
import { leaseLeases } from "./lease-leases.ts";
import { leaseRevoke } from "./lease-revoke.ts";
import { leaseTimeToLive } from "./lease-time-to-live.ts";
import { maintenanceStatus } from "./maintenance-status.ts";
import { watch } from "./watch.ts";

/** Names by service, of rpcs that wait for their issue. */
const unimplementedUnary: Readonly<Record<string, readonly string[]>> = {
  "v3lockpb.Lock": ["Lock", "Unlock"],
  "v3electionpb.Election": ["Campaign", "Proclaim", "Leader", "Resign"],
};
const unimplementedStreams: Readonly<Record<string, readonly string[]>> = {
  "v3electionpb.Election": ["Observe"],
};

export interface V3Modules {
  readonly kv: KvClient;
  readonly admin: AdminClient;
  readonly gate: Gate;
}

/** All methods, over one store: this member's, or one at the other end of a connection. */
export function v3Methods({ kv, admin, gate }: V3Modules): GrpcMethods {
  return new Map<string, GrpcMethod>([
    ...unimplemented(),
    ["/etcdserverpb.KV/Range", kvRange(kv, gate)],
    ["/etcdserverpb.KV/RangeStream", kvRangeStream(kv, gate)],
    ["/etcdserverpb.KV/Put", kvPut(kv, gate)],
    ["/etcdserverpb.KV/DeleteRange", kvDeleteRange(kv, gate)],
    ["/etcdserverpb.KV/Txn", kvTxn(kv, gate)],
    ["/etcdserverpb.KV/Compact", kvCompact(kv, gate)],
    ["/etcdserverpb.Watch/Watch", watch(kv, gate)],
    ["/etcdserverpb.Lease/LeaseGrant", leaseGrant(kv, gate)],
    ["/etcdserverpb.Lease/LeaseRevoke", leaseRevoke(kv, gate)],
    ["/etcdserverpb.Lease/LeaseKeepAlive", leaseKeepAlive(kv, gate)],
    ["/etcdserverpb.Lease/LeaseTimeToLive", leaseTimeToLive(kv, gate)],
    ["/etcdserverpb.Lease/LeaseLeases", leaseLeases(kv, gate)],
    ["/etcdserverpb.Cluster/MemberList", clusterMemberList(kv, gate)],
    ["/etcdserverpb.Maintenance/Status", maintenanceStatus(kv, gate)],
    ["/etcdserverpb.Maintenance/Snapshot", maintenanceSnapshot(admin, gate)],
    ...adminMethods(admin, gate),
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
