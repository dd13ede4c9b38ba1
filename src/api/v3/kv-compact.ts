/** KV.Compact (etcd.md 4.6). */
import type { KvClient } from "../../store/kv.ts";
import { CompactionRequest, CompactionResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { unary } from "./unary.ts";

export function kvCompact(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(CompactionRequest, CompactionResponse, gate, (request, options) =>
    kv.compact(request, options),
  );
}
