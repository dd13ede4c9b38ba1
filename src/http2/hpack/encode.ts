/**
 * Fields to a header block: static table where it has the pair or the name, else literals that enter no table (RFC 7541, 6.2.2).
 * So a block is independent of the connection and of what was sent before, and can be made once for all of them.
 */
import { fromLatin1 } from "../../base/bytes.ts";
import { staticTable } from "./static-table.ts";

/** Tells the peer that our table is empty for good; due in front of a block after the peer lowered its maximum (4.2). */
export const emptyTableUpdate = 0x20;

/** Names must be lower-case; characters are bytes. */
export function encodeHeaders(fields: readonly (readonly [name: string, value: string])[]): Uint8Array {
  const bytes: number[] = [];
  for (const [name, value] of fields) {
    const pair = staticTable.findIndex((entry) => entry.name === name && entry.value === value) + 1;
    if (pair > 0) {
      bytes.push(0x80 | pair);
      continue;
    }
    const index = staticTable.findIndex((entry) => entry.name === name) + 1;
    writeInteger(bytes, 0, 4, index);
    if (index === 0) writeString(bytes, name);
    writeString(bytes, value);
  }
  return Uint8Array.from(bytes);
}

function writeString(bytes: number[], text: string): void {
  writeInteger(bytes, 0, 7, text.length);
  for (const byte of fromLatin1(text)) bytes.push(byte);
}

function writeInteger(bytes: number[], pattern: number, prefixBits: number, value: number): void {
  const mask = (1 << prefixBits) - 1;
  if (value < mask) {
    bytes.push(pattern | value);
    return;
  }
  bytes.push(pattern | mask);
  let rest = value - mask;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
}
