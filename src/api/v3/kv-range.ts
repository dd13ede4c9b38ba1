/** KV.Range (etcd.md 4.3). */
import type { KvClient } from "../../store/kv.ts";
import { RangeRequest, RangeResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { unary } from "./unary.ts";

export function kvRange(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(RangeRequest, RangeResponse, gate, (request, options) => kv.range(request, options));
}
