/** Lease.LeaseRevoke (etcd.md 6). */
import type { KvClient } from "../../store/kv.ts";
import { LeaseRevokeRequest, LeaseRevokeResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { unary } from "./unary.ts";

export function leaseRevoke(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(LeaseRevokeRequest, LeaseRevokeResponse, gate, (request, options) =>
    kv.leaseRevoke(request, options),
  );
}
