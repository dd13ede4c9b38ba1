/** KV.Range (etcd.md 4.3). */
import type { KvClient } from "../../store/kv.ts";
import { RangeRequest, RangeResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { unary, unaryInPieces } from "./unary.ts";

export function kvRange(kv: KvClient, gate: Gate): UnaryMethod {
  const method = unary(RangeRequest, RangeResponse, gate, (request, options) => kv.range(request, options));
  const { rangeEncoded } = kv;
  if (rangeEncoded === undefined) return method;
  const handleInPieces = unaryInPieces(RangeRequest, gate, (request, options) =>
    rangeEncoded.call(kv, request, options),
  );
  return { ...method, handleInPieces };
}
