/**
 * The Cluster, Maintenance and Auth services (etcd.md 7 to 9): every unary rpc of the table in store/admin.ts is decoded,
 * called by its name and encoded; there is nothing particular to any of them here.
 */
import { type AdminClient, type AdminRpc, adminPath, adminRpcs } from "../../store/admin.ts";
import { SnapshotRequest, SnapshotResponse } from "../../store/wire/admin-messages.ts";
import type { Codec } from "../../store/wire/protobuf.ts";
import type { GrpcMethod, StreamMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { answerWithStream } from "./stream.ts";
import { unary } from "./unary.ts";

export function adminMethods(admin: AdminClient, gate: Gate): [string, GrpcMethod][] {
  return (Object.keys(adminRpcs) as AdminRpc[]).map((name) => {
    // The table pairs each name with its codecs; the compiler cannot follow that through a union of names.
    const { request, response } = adminRpcs[name] as { request: Codec<object>; response: Codec<object> };
    const method = unary(request, response, gate, (decoded, options) =>
      admin.call(name, decoded as never, options),
    );
    return [adminPath(name), method];
  });
}

/** Maintenance.Snapshot (etcd.md 8.6). */
export function maintenanceSnapshot(admin: AdminClient, gate: Gate): StreamMethod {
  return answerWithStream(SnapshotRequest, SnapshotResponse, gate, (_request, options) =>
    admin.snapshot(options),
  );
}
