/** KV.Put (etcd.md 4.4). */
import type { KvClient } from "../../store/kv.ts";
import { PutRequest, PutResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { unary } from "./unary.ts";

export function kvPut(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(PutRequest, PutResponse, gate, (request, options) => kv.put(request, options));
}
