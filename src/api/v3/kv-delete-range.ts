/** KV.DeleteRange (etcd.md 4.4). */
import type { KvClient } from "../../store/kv.ts";
import { DeleteRangeRequest, DeleteRangeResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import { type Leadership, unary } from "./unary.ts";

export function kvDeleteRange(kv: KvClient, leadership: Leadership): UnaryMethod {
  return unary(DeleteRangeRequest, DeleteRangeResponse, leadership, (request, options) =>
    kv.deleteRange(request, options),
  );
}
