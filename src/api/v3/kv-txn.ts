/** KV.Txn (etcd.md 4.5). */
import type { KvClient } from "../../store/kv.ts";
import { TxnRequest, TxnResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { unary } from "./unary.ts";

export function kvTxn(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(TxnRequest, TxnResponse, gate, (request, options) => kv.txn(request, options));
}
