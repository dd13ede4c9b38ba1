/** Lease.LeaseTimeToLive (etcd.md 6). */
import type { KvClient } from "../../store/kv.ts";
import { LeaseTimeToLiveRequest, LeaseTimeToLiveResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { unary } from "./unary.ts";

export function leaseTimeToLive(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(LeaseTimeToLiveRequest, LeaseTimeToLiveResponse, gate, (request, options) =>
    kv.leaseTimeToLive(request, options),
  );
}
