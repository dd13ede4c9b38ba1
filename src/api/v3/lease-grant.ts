/** Lease.LeaseGrant (etcd.md 6). */
import type { KvClient } from "../../store/kv.ts";
import { LeaseGrantRequest, LeaseGrantResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { unary } from "./unary.ts";

export function leaseGrant(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(LeaseGrantRequest, LeaseGrantResponse, gate, (request, options) =>
    kv.leaseGrant(request, options),
  );
}
