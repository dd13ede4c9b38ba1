/** D-Bus messages: header and body (D-Bus specification, "Message Format"). */
import { DbusError } from "./errors.ts";
import { Marshaller, Unmarshaller } from "./marshal.ts";
import { type DbusValue, parseSignature, typesOf, Variant } from "./type.ts";

export type MessageKind = "call" | "return" | "error" | "signal";
const kinds: readonly (MessageKind | undefined)[] = [undefined, "call", "return", "error", "signal"];

/** One message. Header fields that are absent are empty; serial 0 and replySerial 0 mean "none". */
export interface DbusMessage {
  readonly kind: MessageKind;
  readonly serial: number;
  readonly replySerial: number;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly errorName: string;
  readonly destination: string;
  readonly sender: string;
  readonly signature: string;
  readonly body: readonly DbusValue[];
}

/** The specification's limit on one message. */
export const messageBytesMax = 128 * 1024 * 1024;
const fixedBytes = 16;
const headerFields = typesOf("a(yv)");

/** The bytes of a message, little endian. */
export function encodeMessage(message: DbusMessage): Buffer {
  const body = new Marshaller();
  body.values(typesOf(message.signature), message.body);
  const fields: DbusValue[] = [];
  const field = (code: number, signature: string, value: string | number): void => {
    if (value) fields.push([code, new Variant(signature, value)]);
  };
  field(1, "o", message.path);
  field(2, "s", message.interface);
  field(3, "s", message.member);
  field(4, "s", message.errorName);
  field(5, "u", message.replySerial);
  field(6, "s", message.destination);
  field(8, "g", message.signature);
  const out = new Marshaller();
  out.values(typesOf("yyyyuu"), [0x6c, kinds.indexOf(message.kind), 0, 1, body.length, message.serial]);
  out.values(headerFields, [fields]);
  out.align(8);
  out.raw(body.bytes());
  return out.bytes();
}

/** Bytes of the whole message that starts in `bytes`, or undefined while too few have arrived to tell. */
export function messageLength(bytes: Buffer): number | undefined {
  if (bytes.length < fixedBytes) return undefined;
  const little = isLittle(bytes);
  const bodyBytes = little ? bytes.readUInt32LE(4) : bytes.readUInt32BE(4);
  const fieldBytes = little ? bytes.readUInt32LE(12) : bytes.readUInt32BE(12);
  const length = Math.ceil((fixedBytes + fieldBytes) / 8) * 8 + bodyBytes;
  if (length > messageBytesMax) throw malformed("longer than allowed");
  return length;
}

/** One whole message from exactly its bytes. */
export function decodeMessage(bytes: Buffer): DbusMessage {
  const little = isLittle(bytes);
  const kind = kinds[bytes[1]!];
  if (!kind) throw malformed("unknown type");
  const reader = new Unmarshaller(bytes, little, 12);
  const serial = little ? bytes.readUInt32LE(8) : bytes.readUInt32BE(8);
  const fields = new Map<number, DbusValue>();
  for (const entry of reader.values(headerFields)[0] as [number, Variant][])
    fields.set(entry[0], entry[1].value);
  reader.align(8);
  const text = (code: number): string => {
    const value = fields.get(code);
    return typeof value === "string" ? value : "";
  };
  const signature = text(8);
  const types = parseSignature(signature);
  if (!types) throw malformed("bad signature");
  const replySerial = fields.get(5);
  return {
    kind,
    serial,
    replySerial: typeof replySerial === "number" ? replySerial : 0,
    path: text(1),
    interface: text(2),
    member: text(3),
    errorName: text(4),
    destination: text(6),
    sender: text(7),
    signature,
    body: reader.values(types),
  };
}

function isLittle(bytes: Buffer): boolean {
  if (bytes[0] === 0x6c) return true;
  if (bytes[0] === 0x42) return false;
  throw malformed("unknown byte order");
}

function malformed(what: string): DbusError {
  return new DbusError(`malformed D-Bus message: ${what}`, { code: "dbus.malformed" });
}
