/**
 * What a log entry of type `normal` holds: a small header, then the request exactly as it was received, so that nothing is
 * encoded twice. All numbers are big-endian.
 *
 *   offset 0  u8   format version: 1 without a caller, 2 with one
 *          1  u8   kind (table below)
 *          2  u64  request id: chosen by the proposer, finds the waiting call again when the entry is applied
 *         10  u64  wall clock of the proposer, milliseconds since 1970: the only time that replicated state knows
 *     only in version 2, the client on whose behalf the command is applied (etcd.md 9.10):
 *         18  u64  revision of the auth store that the caller was identified at
 *         26  u16  length of the user name; 0 is a client that did not identify itself
 *         28  ...  user name, UTF-8
 *         ..  ...  protobuf of the kind's message
 */
import { assert } from "../base/assert.ts";
import { asBuffer } from "../base/bytes.ts";
import { CommandError } from "./errors.ts";
import type { Caller } from "./kv.ts";
import * as admin from "./wire/admin-messages.ts";
import * as wire from "./wire/messages.ts";
import type { Codec } from "./wire/protobuf.ts";

/** Request type of every kind. */
export interface CommandRequests {
  put: wire.PutRequest;
  "delete-range": wire.DeleteRangeRequest;
  txn: wire.TxnRequest;
  compact: wire.CompactionRequest;
  /** ID 0 lets the store derive one from the request id. */
  "lease-grant": wire.LeaseGrantRequest;
  "lease-revoke": wire.LeaseRevokeRequest;
  /** Proposed by the leader only. Unknown leases are skipped: two leaders may find the same one. */
  "lease-expire": wire.LeaseExpire;
  "lease-checkpoint": wire.LeaseCheckpoints;
  /** What a member says of itself once it runs. */
  "member-attributes": wire.MemberAttributes;
  /** Only as the context of a configuration entry (raft/configuration.ts). */
  "member-change": admin.MemberChange;
  alarm: admin.AlarmRequest;
  "auth-enable": admin.AuthEnableRequest;
  "auth-disable": admin.AuthDisableRequest;
  /** A password was verified; all members learn the simple token (etcd.md 9.5). */
  "auth-token": admin.AuthTokenGrant;
  /** Passwords come as bcrypt hashes only (`hashedPassword`); `password` is empty. */
  "user-add": admin.AuthUserAddRequest;
  "user-delete": admin.AuthUserDeleteRequest;
  "user-change-password": admin.AuthUserChangePasswordRequest;
  "user-grant-role": admin.AuthUserGrantRoleRequest;
  "user-revoke-role": admin.AuthUserRevokeRoleRequest;
  "role-add": admin.AuthRoleAddRequest;
  "role-delete": admin.AuthRoleDeleteRequest;
  "role-grant-permission": admin.AuthRoleGrantPermissionRequest;
  "role-revoke-permission": admin.AuthRoleRevokePermissionRequest;
}

/** Response type of every kind. Of headers only `revision` is set. */
export interface CommandResponses {
  put: wire.PutResponse;
  "delete-range": wire.DeleteRangeResponse;
  txn: wire.TxnResponse;
  compact: wire.CompactionResponse;
  "lease-grant": wire.LeaseGrantResponse;
  "lease-revoke": wire.LeaseRevokeResponse;
  "lease-expire": null;
  "lease-checkpoint": null;
  "member-attributes": null;
  "member-change": admin.MemberAddResponse;
  alarm: admin.AlarmResponse;
  "auth-enable": admin.AuthResponse;
  "auth-disable": admin.AuthResponse;
  /** The whole token, which ends with the index of the entry. */
  "auth-token": admin.AuthenticateResponse;
  "user-add": admin.AuthResponse;
  "user-delete": admin.AuthResponse;
  "user-change-password": admin.AuthResponse;
  "user-grant-role": admin.AuthResponse;
  "user-revoke-role": admin.AuthResponse;
  "role-add": admin.AuthResponse;
  "role-delete": admin.AuthResponse;
  "role-grant-permission": admin.AuthResponse;
  "role-revoke-permission": admin.AuthResponse;
}

export type CommandKind = keyof CommandRequests;

export interface CommandHeader {
  readonly requestId: bigint;
  readonly wallMs: number;
  /** Absent: the cluster itself, which may do everything. */
  readonly caller?: Caller | undefined;
}

/** A decoded command; a union, so that `kind` tells the type of `request`. */
export type CommandOf<Kind extends CommandKind> = CommandHeader & {
  readonly kind: Kind;
  readonly request: CommandRequests[Kind];
};
export type Command = { [Kind in CommandKind]: CommandOf<Kind> }[CommandKind];

/** Of version 1, and the fixed part of version 2. */
export const commandHeaderBytes = 18;
const callerBytes = 10;
/** Longest user name, in bytes of UTF-8, that fits a command. */
export const callerNameBytesMax = 0xffff;
const versionTrusted = 1;
const versionWithCaller = 2;

/** Numbers are for ever. 29 to 31 are free, 32 on is room for v2. */
const rows: { readonly [Kind in CommandKind]: { number: number; codec: Codec<CommandRequests[Kind]> } } = {
  put: { number: 1, codec: wire.PutRequest },
  "delete-range": { number: 2, codec: wire.DeleteRangeRequest },
  txn: { number: 3, codec: wire.TxnRequest },
  compact: { number: 4, codec: wire.CompactionRequest },
  "lease-grant": { number: 5, codec: wire.LeaseGrantRequest },
  "lease-revoke": { number: 6, codec: wire.LeaseRevokeRequest },
  "lease-expire": { number: 7, codec: wire.LeaseExpire },
  "lease-checkpoint": { number: 8, codec: wire.LeaseCheckpoints },
  "member-attributes": { number: 9, codec: wire.MemberAttributes },
  "member-change": { number: 10, codec: admin.MemberChange },
  alarm: { number: 16, codec: admin.AlarmRequest },
  "auth-enable": { number: 17, codec: admin.AuthEnableRequest },
  "auth-disable": { number: 18, codec: admin.AuthDisableRequest },
  "auth-token": { number: 19, codec: admin.AuthTokenGrant },
  "user-add": { number: 20, codec: admin.AuthUserAddRequest },
  "user-delete": { number: 21, codec: admin.AuthUserDeleteRequest },
  "user-change-password": { number: 22, codec: admin.AuthUserChangePasswordRequest },
  "user-grant-role": { number: 23, codec: admin.AuthUserGrantRoleRequest },
  "user-revoke-role": { number: 24, codec: admin.AuthUserRevokeRoleRequest },
  "role-add": { number: 25, codec: admin.AuthRoleAddRequest },
  "role-delete": { number: 26, codec: admin.AuthRoleDeleteRequest },
  "role-grant-permission": { number: 27, codec: admin.AuthRoleGrantPermissionRequest },
  "role-revoke-permission": { number: 28, codec: admin.AuthRoleRevokePermissionRequest },
};
const kindByNumber: readonly (CommandKind | undefined)[] = (Object.keys(rows) as CommandKind[]).reduce<
  (CommandKind | undefined)[]
>((list, kind) => {
  list[rows[kind].number] = kind;
  return list;
}, []);

/** The entry's bytes; `body` is an encoding of the kind's request, and is copied. */
export function encodeCommand(header: CommandHeader & { kind: CommandKind }, body: Uint8Array): Buffer {
  const { caller } = header;
  const name = caller?.user ?? "";
  const nameBytes = Buffer.byteLength(name);
  assert(nameBytes <= callerNameBytesMax, "a user name was checked when the user was added");
  const headerBytes = commandHeaderBytes + (caller ? callerBytes + nameBytes : 0);
  const bytes = Buffer.allocUnsafe(headerBytes + body.length);
  bytes[0] = caller ? versionWithCaller : versionTrusted;
  bytes[1] = rows[header.kind].number;
  bytes.writeBigUInt64BE(BigInt.asUintN(64, header.requestId), 2);
  bytes.writeBigUInt64BE(BigInt(Math.trunc(header.wallMs)), 10);
  if (caller) {
    const { authRevision } = caller;
    bytes.writeUInt32BE(Math.floor(authRevision / 2 ** 32), commandHeaderBytes);
    bytes.writeUInt32BE(authRevision % 2 ** 32, commandHeaderBytes + 4);
    bytes.writeUInt16BE(nameBytes, commandHeaderBytes + 8);
    bytes.write(name, commandHeaderBytes + callerBytes, "utf8");
  }
  bytes.set(body, headerBytes);
  return bytes;
}

/** Encodes the request of a command that was not received as bytes. */
export function encodeRequest<Kind extends CommandKind>(kind: Kind, request: CommandRequests[Kind]): Buffer {
  const codec: Codec<CommandRequests[Kind]> = rows[kind].codec;
  return codec.encode(request as Parameters<typeof codec.encode>[0]);
}

/** Only the request id, cheaply. Throws CommandError. */
export function requestIdOf(bytes: Uint8Array): bigint {
  if (bytes.length < commandHeaderBytes) throw new CommandError(`${bytes.length} bytes are no header`);
  return asBuffer(bytes).readBigUInt64BE(2);
}

/** Throws CommandError. The request's byte fields are views into `bytes`. */
export function decodeCommand(bytes: Uint8Array): Command {
  const requestId = requestIdOf(bytes);
  const kind = kindByNumber[bytes[1]!];
  if (kind === undefined) throw new CommandError(`kind ${bytes[1]} is unknown`);
  const wallMs = Number(asBuffer(bytes).readBigUInt64BE(10));
  const { caller, bodyAt } = decodeCaller(bytes);
  try {
    const request = rows[kind].codec.decode(bytes.subarray(bodyAt));
    return { kind, requestId, wallMs, caller, request } as Command;
  } catch (cause) {
    throw new CommandError(`request of kind ${kind}`, { cause });
  }
}

function decodeCaller(bytes: Uint8Array): { caller: Caller | undefined; bodyAt: number } {
  if (bytes[0] === versionTrusted) return { caller: undefined, bodyAt: commandHeaderBytes };
  if (bytes[0] !== versionWithCaller) throw new CommandError(`format version ${bytes[0]} is unknown`);
  const nameAt = commandHeaderBytes + callerBytes;
  if (bytes.length < nameAt) throw new CommandError("the caller is cut");
  const view = asBuffer(bytes);
  const bodyAt = nameAt + view.readUInt16BE(nameAt - 2);
  if (bytes.length < bodyAt) throw new CommandError("the caller is cut");
  const high = view.readUInt32BE(commandHeaderBytes);
  const authRevision = high * 2 ** 32 + view.readUInt32BE(commandHeaderBytes + 4);
  const user = bodyAt === nameAt ? null : view.toString("utf8", nameAt, bodyAt);
  return { caller: { user, authRevision }, bodyAt };
}
