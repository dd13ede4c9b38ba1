/** KV.Range (etcd.md 4.3). */
import type { KvClient } from "../../store/kv.ts";
import { RangeRequest, RangeResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import { type Leadership, unary } from "./unary.ts";

export function kvRange(kv: KvClient, leadership: Leadership): UnaryMethod {
  return unary(RangeRequest, RangeResponse, leadership, (request, options) => kv.range(request, options));
}
