/**
 * Messages of etcd's Cluster, Maintenance and Auth services (etcd.md section 3), beside messages.ts, in the same form.
 */

import { Member, ResponseHeader } from "./messages.ts";
import {
  bool,
  bytes,
  enumeration,
  type Infer,
  int64,
  message,
  nested,
  repeated,
  string,
  uint32,
  uint64,
} from "./protobuf.ts";

const header = nested(1, () => ResponseHeader);

// Cluster

const members = repeated(nested(2, () => Member));
export const MemberAddRequest = message({ peerURLs: repeated(string(1)), isLearner: bool(2) });
export type MemberAddRequest = Infer<typeof MemberAddRequest>;
export const MemberAddResponse = message({
  header,
  member: nested(2, () => Member),
  members: repeated(nested(3, () => Member)),
});
export type MemberAddResponse = Infer<typeof MemberAddResponse>;
export const MemberRemoveRequest = message({ ID: uint64(1) });
export type MemberRemoveRequest = Infer<typeof MemberRemoveRequest>;
export const MemberRemoveResponse = message({ header, members });
export type MemberRemoveResponse = Infer<typeof MemberRemoveResponse>;
export const MemberUpdateRequest = message({ ID: uint64(1), peerURLs: repeated(string(2)) });
export type MemberUpdateRequest = Infer<typeof MemberUpdateRequest>;
export const MemberUpdateResponse = message({ header, members });
export type MemberUpdateResponse = Infer<typeof MemberUpdateResponse>;
export const MemberPromoteRequest = message({ ID: uint64(1) });
export type MemberPromoteRequest = Infer<typeof MemberPromoteRequest>;
export const MemberPromoteResponse = message({ header, members });
export type MemberPromoteResponse = Infer<typeof MemberPromoteResponse>;

// Maintenance

export const AlarmType = { NONE: 0, NOSPACE: 1, CORRUPT: 2 } as const;
export const AlarmAction = { GET: 0, ACTIVATE: 1, DEACTIVATE: 2 } as const;
const alarmNames = ["NONE", "NOSPACE", "CORRUPT"] as const;
export const AlarmRequest = message({
  action: enumeration(1, ["GET", "ACTIVATE", "DEACTIVATE"]),
  memberID: uint64(2),
  alarm: enumeration(3, alarmNames),
});
export type AlarmRequest = Infer<typeof AlarmRequest>;
export const AlarmMember = message({ memberID: uint64(1), alarm: enumeration(2, alarmNames) });
export type AlarmMember = Infer<typeof AlarmMember>;
export const AlarmResponse = message({ header, alarms: repeated(nested(2, () => AlarmMember)) });
export type AlarmResponse = Infer<typeof AlarmResponse>;
export const DefragmentRequest = message({});
export type DefragmentRequest = Infer<typeof DefragmentRequest>;
export const DefragmentResponse = message({ header });
export type DefragmentResponse = Infer<typeof DefragmentResponse>;
export const HashRequest = message({});
export type HashRequest = Infer<typeof HashRequest>;
export const HashResponse = message({ header, hash: uint32(2) });
export type HashResponse = Infer<typeof HashResponse>;
export const HashKVRequest = message({ revision: int64(1) });
export type HashKVRequest = Infer<typeof HashKVRequest>;
export const HashKVResponse = message({
  header,
  hash: uint32(2),
  compact_revision: int64(3),
  hash_revision: int64(4),
});
export type HashKVResponse = Infer<typeof HashKVResponse>;
export const SnapshotRequest = message({});
export type SnapshotRequest = Infer<typeof SnapshotRequest>;
export const SnapshotResponse = message({
  header,
  remaining_bytes: int64(2),
  blob: bytes(3),
  version: string(4),
});
export type SnapshotResponse = Infer<typeof SnapshotResponse>;
export const MoveLeaderRequest = message({ targetID: uint64(1) });
export type MoveLeaderRequest = Infer<typeof MoveLeaderRequest>;
export const MoveLeaderResponse = message({ header });
export type MoveLeaderResponse = Infer<typeof MoveLeaderResponse>;
export const DowngradeAction = { VALIDATE: 0, ENABLE: 1, CANCEL: 2 } as const;
export const DowngradeRequest = message({
  action: enumeration(1, ["VALIDATE", "ENABLE", "CANCEL"]),
  version: string(2),
});
export type DowngradeRequest = Infer<typeof DowngradeRequest>;
export const DowngradeResponse = message({ header, version: string(2) });
export type DowngradeResponse = Infer<typeof DowngradeResponse>;

// Auth: what is stored

export const PermissionType = { READ: 0, WRITE: 1, READWRITE: 2 } as const;
export const Permission = message({
  permType: enumeration(1, ["READ", "WRITE", "READWRITE"]),
  key: bytes(2),
  range_end: bytes(3),
});
export type Permission = Infer<typeof Permission>;
export const UserAddOptions = message({ no_password: bool(1) });
export type UserAddOptions = Infer<typeof UserAddOptions>;
export const User = message({
  name: bytes(1),
  password: bytes(2),
  roles: repeated(string(3)),
  options: nested(4, () => UserAddOptions),
});
export type User = Infer<typeof User>;
export const Role = message({ name: bytes(1), keyPermission: repeated(nested(2, () => Permission)) });
export type Role = Infer<typeof Role>;

// Auth: rpcs

export const AuthEnableRequest = message({});
export type AuthEnableRequest = Infer<typeof AuthEnableRequest>;
export const AuthDisableRequest = message({});
export type AuthDisableRequest = Infer<typeof AuthDisableRequest>;
export const AuthStatusRequest = message({});
export type AuthStatusRequest = Infer<typeof AuthStatusRequest>;
export const AuthStatusResponse = message({ header, enabled: bool(2), authRevision: int64(3) });
export type AuthStatusResponse = Infer<typeof AuthStatusResponse>;
export const AuthenticateRequest = message({ name: string(1), password: string(2) });
export type AuthenticateRequest = Infer<typeof AuthenticateRequest>;
export const AuthenticateResponse = message({ header, token: string(2) });
export type AuthenticateResponse = Infer<typeof AuthenticateResponse>;
export const AuthUserAddRequest = message({
  name: string(1),
  password: string(2),
  options: nested(3, () => UserAddOptions),
  hashedPassword: string(4),
});
export type AuthUserAddRequest = Infer<typeof AuthUserAddRequest>;
export const AuthUserGetRequest = message({ name: string(1) });
export type AuthUserGetRequest = Infer<typeof AuthUserGetRequest>;
export const AuthUserGetResponse = message({ header, roles: repeated(string(2)) });
export type AuthUserGetResponse = Infer<typeof AuthUserGetResponse>;
export const AuthUserListRequest = message({});
export type AuthUserListRequest = Infer<typeof AuthUserListRequest>;
export const AuthUserListResponse = message({ header, users: repeated(string(2)) });
export type AuthUserListResponse = Infer<typeof AuthUserListResponse>;
export const AuthUserDeleteRequest = message({ name: string(1) });
export type AuthUserDeleteRequest = Infer<typeof AuthUserDeleteRequest>;
export const AuthUserChangePasswordRequest = message({
  name: string(1),
  password: string(2),
  hashedPassword: string(3),
});
export type AuthUserChangePasswordRequest = Infer<typeof AuthUserChangePasswordRequest>;
export const AuthUserGrantRoleRequest = message({ user: string(1), role: string(2) });
export type AuthUserGrantRoleRequest = Infer<typeof AuthUserGrantRoleRequest>;
export const AuthUserRevokeRoleRequest = message({ name: string(1), role: string(2) });
export type AuthUserRevokeRoleRequest = Infer<typeof AuthUserRevokeRoleRequest>;
export const AuthRoleAddRequest = message({ name: string(1) });
export type AuthRoleAddRequest = Infer<typeof AuthRoleAddRequest>;
export const AuthRoleGetRequest = message({ role: string(1) });
export type AuthRoleGetRequest = Infer<typeof AuthRoleGetRequest>;
export const AuthRoleGetResponse = message({ header, perm: repeated(nested(2, () => Permission)) });
export type AuthRoleGetResponse = Infer<typeof AuthRoleGetResponse>;
export const AuthRoleListRequest = message({});
export type AuthRoleListRequest = Infer<typeof AuthRoleListRequest>;
export const AuthRoleListResponse = message({ header, roles: repeated(string(2)) });
export type AuthRoleListResponse = Infer<typeof AuthRoleListResponse>;
export const AuthRoleDeleteRequest = message({ role: string(1) });
export type AuthRoleDeleteRequest = Infer<typeof AuthRoleDeleteRequest>;
export const AuthRoleGrantPermissionRequest = message({ name: string(1), perm: nested(2, () => Permission) });
export type AuthRoleGrantPermissionRequest = Infer<typeof AuthRoleGrantPermissionRequest>;
export const AuthRoleRevokePermissionRequest = message({
  role: string(1),
  key: bytes(2),
  range_end: bytes(3),
});
export type AuthRoleRevokePermissionRequest = Infer<typeof AuthRoleRevokePermissionRequest>;
/** Every auth rpc whose answer is a header only (AuthEnableResponse, AuthUserAddResponse and so on). */
export const AuthResponse = message({ header });
export type AuthResponse = Infer<typeof AuthResponse>;

/** Internal: a simple token that was given to a user whose password was verified (etcd.md 9.5). */
export const AuthTokenGrant = message({ user: string(1), token: string(2), authRevision: int64(3) });
export type AuthTokenGrant = Infer<typeof AuthTokenGrant>;

/**
 * Internal: one change of membership, beside the raft configuration that it comes with (etcd.md 7). `members` are all after
 * it, so that a member that joins knows them from the entry that lets it in; `removed` is the id that left, or 0.
 */
export const MemberChange = message({
  member: nested(1, () => Member),
  members: repeated(nested(2, () => Member)),
  removed: uint64(3),
});
export type MemberChange = Infer<typeof MemberChange>;
