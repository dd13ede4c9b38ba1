/**
 * Netlink messages as bytes (flannel.md 7, "Netlink basics"; RFC 3549): a header of 16 bytes, a body, attributes; each
 * padded to 4. Integers are in the machine's order, and both machines we build for are little-endian; what is big-endian
 * (`be16`, addresses) says so. Pure functions: the sockets are elsewhere.
 */
import { NetlinkError } from "./errors.ts";

/** Flags of a request, and those that replies carry. */
export const flag = {
  REQUEST: 0x1,
  MULTI: 0x2,
  ACK: 0x4,
  DUMP: 0x300,
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  DUMP_INTR: 0x10,
  ACK_TLVS: 0x200,
  CAPPED: 0x100,
} as const;

/** Message types that every netlink family has. */
export const control = { NOOP: 1, ERROR: 2, DONE: 3 } as const;

const headerBytes = 16;
const nestedFlag = 0x8000;
const typeMask = 0x3fff;

/** A received message; `body` is a view that is valid until the buffer is used again. */
export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly body: Buffer;
}

function align(length: number): number {
  return (length + 3) & ~3;
}

/** One whole request: header, then body and attributes as given. */
export function encodeMessage(
  type: number,
  flags: number,
  sequence: number,
  parts: readonly Buffer[],
): Buffer {
  const payload = Buffer.concat(parts);
  const bytes = Buffer.alloc(headerBytes + align(payload.length));
  bytes.writeUInt32LE(headerBytes + payload.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt16LE(flags, 6);
  bytes.writeUInt32LE(sequence, 8);
  payload.copy(bytes, headerBytes);
  return bytes;
}

/** The messages of one datagram. Throws netlink.malformed if a length does not fit. */
export function decodeMessages(bytes: Buffer): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = at + headerBytes <= bytes.length ? bytes.readUInt32LE(at) : 0;
    if (length < headerBytes || at + length > bytes.length) malformed("message length", at);
    messages.push({
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      body: bytes.subarray(at + headerBytes, at + length),
    });
    at += align(length);
  }
  return messages;
}

/** What an ERROR message says: 0 is an acknowledgement. `text` is the kernel's own explanation (EXT_ACK), if it sent one. */
export interface Answer {
  readonly errno: number;
  readonly text: string | null;
}

/** Reads the body of an ERROR or DONE message. */
export function decodeAnswer(message: Message): Answer {
  const { body, flags, type } = message;
  if (body.length < 4) return { errno: 0, text: null };
  const value = -body.readInt32LE(0);
  if ((flags & flag.ACK_TLVS) === 0) return { errno: value, text: null };
  let at = 4;
  if (type === control.ERROR && body.length >= 20) {
    at += (flags & flag.CAPPED) === 0 ? align(body.readUInt32LE(4)) : headerBytes;
  }
  const text = decodeAttributes(body, at).get(1);
  return { errno: value, text: text ? readString(text) : null };
}

/** One attribute with a payload as it is. */
export function attribute(type: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(align(4 + payload.length));
  bytes.writeUInt16LE(4 + payload.length, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.set(payload, 4);
  return bytes;
}

/** An attribute that holds attributes. Without the NESTED flag, as rtnetlink's older users (and flannel) write it. */
export function nested(type: number, parts: readonly Buffer[]): Buffer {
  return attribute(type, Buffer.concat(parts));
}

export function u8(type: number, value: number): Buffer {
  return attribute(type, Buffer.from([value]));
}

export function u32(type: number, value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32LE(value >>> 0);
  return attribute(type, payload);
}

/** A number in network order: UDP ports. */
export function be16(type: number, value: number): Buffer {
  const payload = Buffer.alloc(2);
  payload.writeUInt16BE(value);
  return attribute(type, payload);
}

/** A number in network order: IPv4 addresses. */
export function be32(type: number, value: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(value >>> 0);
  return attribute(type, payload);
}

/** Text with the zero byte that the kernel expects. */
export function zeroEnded(type: number, text: string): Buffer {
  return attribute(type, Buffer.from(`${text}\0`, "utf8"));
}

/** The attributes of a body from `at` on, by type; of equal types the last. Throws netlink.malformed. */
export function decodeAttributes(body: Buffer, at = 0): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  while (at + 4 <= body.length) {
    const length = body.readUInt16LE(at);
    if (length < 4 || at + length > body.length) malformed("attribute length", at);
    attributes.set(body.readUInt16LE(at + 2) & typeMask & ~nestedFlag, body.subarray(at + 4, at + length));
    at += align(length);
  }
  return attributes;
}

/** Text up to its zero byte. */
export function readString(payload: Buffer): string {
  const end = payload.indexOf(0);
  return payload.toString("utf8", 0, end === -1 ? payload.length : end);
}

function malformed(what: string, offset: number): never {
  throw new NetlinkError(`malformed netlink message: ${what} at byte ${offset}`, {
    code: "netlink.malformed",
    offset,
  });
}
