/**
 * IPv4 addresses and prefixes as unsigned 32-bit numbers in network order (10.5.1.0 is 0x0a050100), and the arithmetic
 * that subnet allocation needs. All functions are total: text that is not an address gives null.
 */
import type { Brand } from "../base/ids.ts";

/** An IPv4 address as an unsigned number below 2^32. */
export type Ipv4 = Brand<number, "Ipv4">;
export const Ipv4 = (value: number): Ipv4 => (value >>> 0) as Ipv4;

/** An address with a prefix length (0 to 32). In a *network* prefix the host bits are zero; `networkOf` makes it so. */
export interface Prefix {
  readonly address: Ipv4;
  readonly length: number;
}

/** Reads dotted decimal: exactly four parts, no leading zeros (they are octal to some readers), nothing around. */
export function parseIpv4(text: string): Ipv4 | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  let value = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    value = value * 256 + Number(part);
  }
  return Ipv4(value);
}

export function formatIpv4(address: Ipv4): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/** Reads `a.b.c.d/n`, keeping host bits. */
export function parsePrefix(text: string): Prefix | null {
  const [address, length, ...rest] = text.split("/");
  if (rest.length > 0 || length === undefined || !/^(0|[1-9]\d?)$/.test(length) || Number(length) > 32)
    return null;
  const parsed = parseIpv4(address!);
  return parsed === null ? null : { address: parsed, length: Number(length) };
}

export function formatPrefix(prefix: Prefix): string {
  return `${formatIpv4(prefix.address)}/${prefix.length}`;
}

/** The netmask of a length as a number; shifts by 32 are no-ops in JavaScript, hence the special case. */
function mask(length: number): number {
  return length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
}

/** How many addresses a prefix of this length holds. */
export function addressCount(length: number): number {
  return 2 ** (32 - length);
}

/** The prefix with its host bits masked off. */
export function networkOf(prefix: Prefix): Prefix {
  return { address: Ipv4(prefix.address & mask(prefix.length)), length: prefix.length };
}

/** The highest address of the prefix. */
export function lastAddress(prefix: Prefix): Ipv4 {
  return Ipv4((prefix.address & mask(prefix.length)) + addressCount(prefix.length) - 1);
}

export function contains(prefix: Prefix, address: Ipv4): boolean {
  return Ipv4(address & mask(prefix.length)) === networkOf(prefix).address;
}

/** Whether the two share an address: the longer one lies inside the shorter one, or they are the same. */
export function overlaps(left: Prefix, right: Prefix): boolean {
  return left.length <= right.length ? contains(left, right.address) : contains(right, left.address);
}

export function samePrefix(left: Prefix, right: Prefix): boolean {
  return left.address === right.address && left.length === right.length;
}
