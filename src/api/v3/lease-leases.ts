/** Lease.LeaseLeases (etcd.md 6). */
import type { KvClient } from "../../store/kv.ts";
import { LeaseLeasesRequest, LeaseLeasesResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import { type Leadership, unary } from "./unary.ts";

export function leaseLeases(kv: KvClient, leadership: Leadership): UnaryMethod {
  return unary(LeaseLeasesRequest, LeaseLeasesResponse, leadership, (request, options) =>
    kv.leaseLeases(request, options),
  );
}
