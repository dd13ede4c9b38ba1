/**
 * The table of the v3 gRPC surface (etcd.md section 2): every rpc of etcd has its row.
 */
import type { AdminClient } from "../../store/admin.ts";
import type { KvClient } from "../../store/kv.ts";
import type { GrpcMethod, GrpcMethods } from "../transport/grpc-method.ts";
import { adminMethods, maintenanceSnapshot } from "./admin.ts";
import { clusterMemberList } from "./cluster-member-list.ts";
import {
  electionCampaign,
  electionLeader,
  electionObserve,
  electionProclaim,
  electionResign,
} from "./election.ts";
import type { Gate } from "./gate.ts";
import { Health } from "./health.ts";
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
import { lock, unlock } from "./lock.ts";
import { maintenanceStatus } from "./maintenance-status.ts";
import { watch } from "./watch.ts";

export interface V3Modules {
  readonly kv: KvClient;
  readonly admin: AdminClient;
  readonly gate: Gate;
  /** Where the server tells that it serves, or stops to; without one it always serves. */
  readonly health?: Health;
}

/** All methods, over one store: this member's, or one at the other end of a connection. */
export function v3Methods({ kv, admin, gate, health = new Health() }: V3Modules): GrpcMethods {
  return new Map<string, GrpcMethod>([
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
    ["/v3lockpb.Lock/Lock", lock(kv, gate)],
    ["/v3lockpb.Lock/Unlock", unlock(kv, gate)],
    ["/v3electionpb.Election/Campaign", electionCampaign(kv, gate)],
    ["/v3electionpb.Election/Proclaim", electionProclaim(kv, gate)],
    ["/v3electionpb.Election/Leader", electionLeader(kv, gate)],
    ["/v3electionpb.Election/Observe", electionObserve(kv, gate)],
    ["/v3electionpb.Election/Resign", electionResign(kv, gate)],
    ...health.methods(gate),
  ]);
}
