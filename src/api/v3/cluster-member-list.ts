/** Cluster.MemberList (etcd.md 7). */
import type { KvClient } from "../../store/kv.ts";
import { MemberListRequest, MemberListResponse } from "../../store/wire/messages.ts";
import type { UnaryMethod } from "../transport/grpc-method.ts";
import { type Leadership, unary } from "./unary.ts";

export function clusterMemberList(kv: KvClient, leadership: Leadership): UnaryMethod {
  return unary(MemberListRequest, MemberListResponse, leadership, (request, options) =>
    kv.memberList(request, options),
  );
}
