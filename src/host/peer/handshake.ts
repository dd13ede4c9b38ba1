/**
 * How two members begin: the one that connects writes the preface and a hello, the other answers welcome, or refused with
 * a reason and closes. The preface is text, so that one port serves members and curl.
 */
import { ClusterId, hex, MemberId } from "../../base/ids.ts";
import type { ByteWriter } from "../codec/byte-writer.ts";
import { decodeBody, encodeFrame, frameTypes } from "./frame.ts";

export const preface: Buffer = Buffer.from("ARGOSY/1 ", "latin1");
const protocolVersion = 1;

/** What a connection is for: messages and calls, or one snapshot. */
export type ConnectionKind = "raft" | "snapshot";
const kinds = ["raft", "snapshot"] as const;

export interface Hello {
  readonly clusterId: ClusterId;
  readonly from: MemberId;
  readonly to: MemberId;
  readonly kind: ConnectionKind;
}

/** Preface and hello, as the connecting side writes them. */
export function encodeHello(hello: Hello): Buffer {
  const frame = encodeFrame(frameTypes.hello, 32, (writer) => {
    writer.u16(protocolVersion).id(hello.clusterId).id(hello.from).id(hello.to).u8(kinds.indexOf(hello.kind));
  });
  return Buffer.concat([preface, frame]);
}

/** Throws PeerCodecError. Fields that a later version adds are ignored; it has to offer to speak this one. */
export function decodeHello(body: Uint8Array): Hello {
  return decodeBody(body, (reader) => {
    const version = reader.u16();
    const clusterId = ClusterId(reader.id());
    const from = MemberId(reader.id());
    const to = MemberId(reader.id());
    const kind = kinds[reader.u8()];
    if (version !== protocolVersion) reader.fail(`protocol version ${version} is not spoken here`);
    return kind === undefined ? reader.fail("unknown kind of connection") : { clusterId, from, to, kind };
  });
}

/** What a member that was removed from the cluster hears; it has to stop then (etcd.md 7). */
export const removedReason = "the caller was removed from the cluster";

/** Why a hello is not for us, or null. */
export function refusal(
  hello: Hello,
  self: { readonly clusterId: ClusterId; readonly id: MemberId },
  isRemoved: (member: MemberId) => boolean,
): string | null {
  if (hello.clusterId !== self.clusterId) {
    return `this is cluster ${hex(self.clusterId)}, the caller belongs to ${hex(hello.clusterId)}`;
  }
  if (isRemoved(hello.from)) return removedReason;
  if (hello.to !== self.id) return `this is member ${hex(self.id)}, the caller wants ${hex(hello.to)}`;
  if (hello.from === self.id) return "the caller has this member's id";
  return null;
}

export function encodeRefused(reason: string): Buffer {
  return encodeFrame(frameTypes.refused, 256, (writer: ByteWriter) => writer.text(reason));
}

/** Why the connecting side closes, in its words. */
export function refusedFor(reason: string): string {
  return `refused: ${reason}`;
}

export function decodeRefused(body: Uint8Array): string {
  return decodeBody(body, (reader) => reader.text());
}
