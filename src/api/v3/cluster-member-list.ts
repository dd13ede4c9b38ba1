/** Cluster.MemberList (etcd.md 7). */
import type { KvClient } from "../../store/kv.ts";
import { MemberListRequest, MemberListResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { unary } from "./unary.ts";

export function clusterMemberList(kv: KvClient, gate: Gate): UnaryMethod {
  return unary(MemberListRequest, MemberListResponse, gate, (request, options) =>
    kv.memberList(request, options),
  );
}
