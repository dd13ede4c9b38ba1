/** Lease.LeaseTimeToLive (etcd.md 6). */
import type { KvClient } from "../../store/kv.ts";
import { LeaseTimeToLiveRequest, LeaseTimeToLiveResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import { type Leadership, unary } from "./unary.ts";

export function leaseTimeToLive(kv: KvClient, leadership: Leadership): UnaryMethod {
  return unary(LeaseTimeToLiveRequest, LeaseTimeToLiveResponse, leadership, (request, options) =>
    kv.leaseTimeToLive(request, options),
  );
}
