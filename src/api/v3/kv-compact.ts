/** KV.Compact (etcd.md 4.6). */
import type { KvClient } from "../../store/kv.ts";
import { CompactionRequest, CompactionResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import { type Leadership, unary } from "./unary.ts";

export function kvCompact(kv: KvClient, leadership: Leadership): UnaryMethod {
  return unary(CompactionRequest, CompactionResponse, leadership, (request, options) =>
    kv.compact(request, options),
  );
}
