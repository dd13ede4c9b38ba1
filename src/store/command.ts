/**
 * What a log entry of type `normal` holds: a small header, then the request exactly as it was received, so that nothing is
 * encoded twice. All numbers are big-endian.
 *
 *   offset 0  u8   format version, 1
 *          1  u8   kind (table below)
 *          2  u64  request id: chosen by the proposer, finds the waiting call again when the entry is applied
 *         10  u64  wall clock of the proposer, milliseconds since 1970: the only time that replicated state knows
 *         18  ...  protobuf of the kind's message
 */
import { asBuffer } from "../base/bytes.ts";
import { CommandError } from "./errors.ts";
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
}

export type CommandKind = keyof CommandRequests;

export interface CommandHeader {
  readonly requestId: bigint;
  readonly wallMs: number;
}

/** A decoded command; a union, so that `kind` tells the type of `request`. */
export type CommandOf<Kind extends CommandKind> = CommandHeader & {
  readonly kind: Kind;
  readonly request: CommandRequests[Kind];
};
export type Command = { [Kind in CommandKind]: CommandOf<Kind> }[CommandKind];

export const commandHeaderBytes = 18;
const formatVersion = 1;

/** Numbers are for ever. 16 on is room for auth and alarm, 32 on for v2. */
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
};
const kindByNumber: readonly (CommandKind | undefined)[] = (Object.keys(rows) as CommandKind[]).reduce<
  (CommandKind | undefined)[]
>((list, kind) => {
  list[rows[kind].number] = kind;
  return list;
}, []);

/** The entry's bytes; `body` is an encoding of the kind's request, and is copied. */
export function encodeCommand(header: CommandHeader & { kind: CommandKind }, body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(commandHeaderBytes + body.length);
  bytes[0] = formatVersion;
  bytes[1] = rows[header.kind].number;
  bytes.writeBigUInt64BE(BigInt.asUintN(64, header.requestId), 2);
  bytes.writeBigUInt64BE(BigInt(Math.trunc(header.wallMs)), 10);
  bytes.set(body, commandHeaderBytes);
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
  if (bytes[0] !== formatVersion) throw new CommandError(`format version ${bytes[0]} is unknown`);
  const kind = kindByNumber[bytes[1]!];
  if (kind === undefined) throw new CommandError(`kind ${bytes[1]} is unknown`);
  const wallMs = Number(asBuffer(bytes).readBigUInt64BE(10));
  try {
    const request = rows[kind].codec.decode(bytes.subarray(commandHeaderBytes));
    return { kind, requestId, wallMs, request } as Command;
  } catch (cause) {
    throw new CommandError(`request of kind ${kind}`, { cause });
  }
}
