/** Lease.LeaseLeases (etcd.md 6). */
import type { KvClient } from "../../store/kv.ts";
import { LeaseLeasesRequest, LeaseLeasesResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { unary } from "./unary.ts";

export function leaseLeases(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(LeaseLeasesRequest, LeaseLeasesResponse, gate, (request, options) =>
    kv.leaseLeases(request, options),
  );
}
