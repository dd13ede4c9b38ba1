/** KV.DeleteRange (etcd.md 4.4). */
import type { KvClient } from "../../store/kv.ts";
import { DeleteRangeRequest, DeleteRangeResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { unary } from "./unary.ts";

export function kvDeleteRange(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(DeleteRangeRequest, DeleteRangeResponse, gate, (request, options) =>
    kv.deleteRange(request, options),
  );
}
