/** Maintenance.Status (etcd.md 8.1): answered by this member, with or without a leader. */
import type { KvClient } from "../../store/kv.ts";
import { StatusRequest, StatusResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { unary } from "./unary.ts";

export function maintenanceStatus(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(StatusRequest, StatusResponse, gate, (request, options) => kv.status(request, options));
}
