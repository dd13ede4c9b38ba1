/** KV.Put (etcd.md 4.4). */
import type { KvClient } from "../../store/kv.ts";
import { PutRequest, PutResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import { type Leadership, unary } from "./unary.ts";

export function kvPut(kv: KvClient, leadership: Leadership): UnaryMethod {
  return unary(PutRequest, PutResponse, leadership, (request, options) => kv.put(request, options));
}
