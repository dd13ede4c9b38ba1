/** Lease.LeaseGrant (etcd.md 6). */
import type { KvClient } from "../../store/kv.ts";
import { LeaseGrantRequest, LeaseGrantResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import { type Leadership, unary } from "./unary.ts";

export function leaseGrant(kv: KvClient, leadership: Leadership): UnaryMethod {
  return unary(LeaseGrantRequest, LeaseGrantResponse, leadership, (request, options) =>
    kv.leaseGrant(request, options),
  );
}
