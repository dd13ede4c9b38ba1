/**
 * What the Cluster, Maintenance and Auth services need behind them, besides KvClient: one call by the rpc's name. A server
 * answers from a table of handlers (agent/admin.ts); a worker passes the call on to a server (host/kv-remote).
 */
import type { CallOptions } from "./kv.ts";
import * as admin from "./wire/admin-messages.ts";
import type { ResponseHeader } from "./wire/messages.ts";
import type { Codec, Infer } from "./wire/protobuf.ts";

/** Service, request and response of every unary admin rpc (etcd.md section 2), by its name. */
export const adminRpcs = {
  MemberAdd: row("Cluster", admin.MemberAddRequest, admin.MemberAddResponse),
  MemberRemove: row("Cluster", admin.MemberRemoveRequest, admin.MemberRemoveResponse),
  MemberUpdate: row("Cluster", admin.MemberUpdateRequest, admin.MemberUpdateResponse),
  MemberPromote: row("Cluster", admin.MemberPromoteRequest, admin.MemberPromoteResponse),
  Alarm: row("Maintenance", admin.AlarmRequest, admin.AlarmResponse),
  Defragment: row("Maintenance", admin.DefragmentRequest, admin.DefragmentResponse),
  Hash: row("Maintenance", admin.HashRequest, admin.HashResponse),
  HashKV: row("Maintenance", admin.HashKVRequest, admin.HashKVResponse),
  MoveLeader: row("Maintenance", admin.MoveLeaderRequest, admin.MoveLeaderResponse),
  Downgrade: row("Maintenance", admin.DowngradeRequest, admin.DowngradeResponse),
  AuthEnable: row("Auth", admin.AuthEnableRequest, admin.AuthResponse),
  AuthDisable: row("Auth", admin.AuthDisableRequest, admin.AuthResponse),
  AuthStatus: row("Auth", admin.AuthStatusRequest, admin.AuthStatusResponse),
  Authenticate: row("Auth", admin.AuthenticateRequest, admin.AuthenticateResponse),
  UserAdd: row("Auth", admin.AuthUserAddRequest, admin.AuthResponse),
  UserGet: row("Auth", admin.AuthUserGetRequest, admin.AuthUserGetResponse),
  UserList: row("Auth", admin.AuthUserListRequest, admin.AuthUserListResponse),
  UserDelete: row("Auth", admin.AuthUserDeleteRequest, admin.AuthResponse),
  UserChangePassword: row("Auth", admin.AuthUserChangePasswordRequest, admin.AuthResponse),
  UserGrantRole: row("Auth", admin.AuthUserGrantRoleRequest, admin.AuthResponse),
  UserRevokeRole: row("Auth", admin.AuthUserRevokeRoleRequest, admin.AuthResponse),
  RoleAdd: row("Auth", admin.AuthRoleAddRequest, admin.AuthResponse),
  RoleGet: row("Auth", admin.AuthRoleGetRequest, admin.AuthRoleGetResponse),
  RoleList: row("Auth", admin.AuthRoleListRequest, admin.AuthRoleListResponse),
  RoleDelete: row("Auth", admin.AuthRoleDeleteRequest, admin.AuthResponse),
  RoleGrantPermission: row("Auth", admin.AuthRoleGrantPermissionRequest, admin.AuthResponse),
  RoleRevokePermission: row("Auth", admin.AuthRoleRevokePermissionRequest, admin.AuthResponse),
} as const;

export type AdminRpc = keyof typeof adminRpcs;
export type AdminRequest<Name extends AdminRpc> = Infer<(typeof adminRpcs)[Name]["request"]>;
export type AdminResponse<Name extends AdminRpc> = Infer<(typeof adminRpcs)[Name]["response"]>;

/**
 * One handler of a server. Of the answer's header only `revision` may be set; who answered is filled in around it. Throws
 * KvError.
 */
export type AdminHandler<Name extends AdminRpc> = (
  request: AdminRequest<Name>,
  options: CallOptions,
) => Promise<AdminResponse<Name>>;
export type AdminHandlers = { readonly [Name in AdminRpc]: AdminHandler<Name> };

export interface AdminClient {
  /** Errors are KvError, as with KvClient. */
  call<Name extends AdminRpc>(
    name: Name,
    request: AdminRequest<Name>,
    options?: CallOptions,
  ): Promise<AdminResponse<Name>>;
  /**
   * Maintenance.Snapshot (etcd.md 8.6): pieces in order, pulled one at a time; ending the iteration gives it up. The blob of a
   * piece is good until the next is pulled.
   */
  snapshot(options?: CallOptions): AsyncIterable<admin.SnapshotResponse>;
}

/** The method's full gRPC path. */
export function adminPath(name: AdminRpc): string {
  return `/etcdserverpb.${adminRpcs[name].service}/${name}`;
}

function row<Request, Response extends { header: ResponseHeader | undefined }>(
  service: "Cluster" | "Maintenance" | "Auth",
  request: Codec<Request>,
  response: Codec<Response>,
): { service: typeof service; request: Codec<Request>; response: Codec<Response> } {
  return { service, request, response };
}
