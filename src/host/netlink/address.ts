/** IPv4 addresses of links: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR and ifaddrmsg (flannel.md 7). Pure codec. */
import { Ipv4, type Prefix } from "../../network/ipv4.ts";
import { be32, decodeAttributes } from "./message.ts";

export const addressType = { NEW: 20, DEL: 21, GET: 22 } as const;
export const AF_INET = 2;

const IFA = { ADDRESS: 1, LOCAL: 2, FLAGS: 8 } as const;
const IFA_F = { SECONDARY: 0x01, DEPRECATED: 0x20, PERMANENT: 0x80 } as const;
/** Scope of an address that is valid everywhere. */
const universe = 0;

/** An address on a link. Lower `scope` reaches farther: 0 everywhere, 253 this link, 254 this host. */
export interface LinkAddress {
  readonly index: number;
  readonly prefix: Prefix;
  readonly scope: number;
  readonly permanent: boolean;
  readonly secondary: boolean;
  readonly deprecated: boolean;
}

function encodeBody(index: number, length: number): Buffer {
  const body = Buffer.alloc(8);
  body[0] = AF_INET;
  body[1] = length;
  body[3] = universe;
  body.writeUInt32LE(index, 4);
  return body;
}

/** A request to add or delete an address of the link. */
export function encodeAddress(index: number, prefix: Prefix): Buffer[] {
  return [
    encodeBody(index, prefix.length),
    be32(IFA.LOCAL, prefix.address),
    be32(IFA.ADDRESS, prefix.address),
  ];
}

/** The request for the addresses of one link, or of all with index 0. */
export function encodeAddressQuery(index: number): Buffer[] {
  return [encodeBody(index, 0)];
}

/** Null for what is not IPv4. On a point-to-point link ADDRESS is the other end; LOCAL is ours. */
export function decodeAddress(body: Buffer): LinkAddress | null {
  if (body[0] !== AF_INET) return null;
  const attributes = decodeAttributes(body, 8);
  const address = attributes.get(IFA.LOCAL) ?? attributes.get(IFA.ADDRESS);
  if (address?.length !== 4) return null;
  const flags = attributes.get(IFA.FLAGS)?.readUInt32LE(0) ?? body[2]!;
  return {
    index: body.readUInt32LE(4),
    prefix: { address: Ipv4(address.readUInt32BE(0)), length: body[1]! },
    scope: body[3]!,
    permanent: (flags & IFA_F.PERMANENT) !== 0,
    secondary: (flags & IFA_F.SECONDARY) !== 0,
    deprecated: (flags & IFA_F.DEPRECATED) !== 0,
  };
}
