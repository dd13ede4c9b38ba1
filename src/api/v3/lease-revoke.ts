/** Lease.LeaseRevoke (etcd.md 6). */
import type { KvClient } from "../../store/kv.ts";
import { LeaseRevokeRequest, LeaseRevokeResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import { type Leadership, unary } from "./unary.ts";

export function leaseRevoke(kv: KvClient, leadership: Leadership): UnaryMethod {
  return unary(LeaseRevokeRequest, LeaseRevokeResponse, leadership, (request, options) =>
    kv.leaseRevoke(request, options),
  );
}
