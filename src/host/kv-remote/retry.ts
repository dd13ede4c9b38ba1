/**
 * What may be sent again (etcd.md section 11, "clientv3 retries"): reads after any failure to be served; writes only when the
 * server certainly did not see them. So an error of a write means "at most once".
 */

import type { AdminRpc } from "../../store/admin.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import type { TxnRequest } from "../../store/wire/messages.ts";
import type { Init } from "../../store/wire/protobuf.ts";
import type { CallEnd } from "./grpc-call.ts";

/** `long`: treated as a write, and the server may take any time for it. */
export type CallKind = "read" | "write" | "long";

/** Whether the call that ended so may be sent again. */
export function mayResend(kind: CallKind, end: CallEnd): boolean {
  if (end.fate === "unseen") return true;
  if (kind !== "read") return false;
  return end.fate === "lost" || end.status.code === GrpcCode.UNAVAILABLE;
}

/** A txn whose branches only read is a read. */
export function txnKind(request: Init<TxnRequest>): CallKind {
  const operations = [...(request.success ?? []), ...(request.failure ?? [])];
  const writes = operations.some(
    (each) =>
      each.request_put !== undefined ||
      each.request_delete_range !== undefined ||
      (each.request_txn !== undefined && txnKind(each.request_txn) === "write"),
  );
  return writes ? "write" : "read";
}

const adminReads: ReadonlySet<AdminRpc> = new Set<AdminRpc>([
  "AuthStatus",
  "Authenticate",
  "UserGet",
  "UserList",
  "RoleGet",
  "RoleList",
]);
/** They read or rewrite a whole store, or wait for another member. */
const longAdminRpcs: ReadonlySet<AdminRpc> = new Set<AdminRpc>([
  "Defragment",
  "Hash",
  "HashKV",
  "MoveLeader",
]);

/** An rpc about one member is never asked of another instead. */
export function adminKind(name: AdminRpc): CallKind {
  if (adminReads.has(name)) return "read";
  return longAdminRpcs.has(name) ? "long" : "write";
}
