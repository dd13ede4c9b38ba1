/** Ethernet addresses, as lower-case text with colons: the form of the lease value and of every comparison. */
import type { Brand } from "../base/ids.ts";

export type Mac = Brand<string, "Mac">;

/** Reads six hex pairs with colons in any case; null for anything else. */
export function parseMac(text: string): Mac | null {
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text) ? (text.toLowerCase() as Mac) : null;
}

const fnvOffset = 0xcbf29ce484222325n;
const fnvPrime = 0x100000001b3n;

/**
 * A unicast, locally administered address that is always the same for the same text: 64-bit FNV-1a, its high bits folded
 * in. No two hosts of a cluster may collide, and nobody attacks this, so a plain hash is enough: 46 free bits.
 */
export function stableMac(text: string): Mac {
  let hash = fnvOffset;
  for (const char of text) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(char.codePointAt(0)!)) * fnvPrime);
  }
  hash ^= hash >> 29n;
  const octets = [40n, 32n, 24n, 16n, 8n, 0n].map((shift) => Number((hash >> shift) & 0xffn));
  octets[0] = (octets[0]! & 0xfe) | 0x02;
  return octets.map((octet) => octet.toString(16).padStart(2, "0")).join(":") as Mac;
}
