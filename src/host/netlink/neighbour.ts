/**
 * Neighbours: the ARP table (family AF_INET) and a VXLAN device's forwarding table (family AF_BRIDGE) share one message,
 * RTM_NEWNEIGH with ndmsg (flannel.md 7 and 4.1). Pure codec.
 */
import { Ipv4 } from "../../network/ipv4.ts";
import type { Forwarding, Neighbour } from "../../network/kernel-state.ts";
import type { Mac } from "../../network/mac.ts";
import { AF_INET } from "./address.ts";
import { formatMac, macBytes } from "./link.ts";
import { attribute, be32, decodeAttributes, u32 } from "./message.ts";

export const neighbourType = { NEW: 28, DEL: 29, GET: 30 } as const;
export const AF_BRIDGE = 7;

const NDA = { DST: 1, LLADDR: 2, IFINDEX: 8 } as const;
const NUD_PERMANENT = 0x80;
const NTF_SELF = 2;
const RTN_UNICAST = 1;

/** An entry of either table. `mac` is null for an ARP entry without an answer yet. */
export interface LinkNeighbour {
  readonly family: number;
  readonly index: number;
  readonly permanent: boolean;
  /** In the forwarding table: an entry of the device itself, not of a bridge above it. */
  readonly self: boolean;
  readonly address: Ipv4 | null;
  readonly mac: Mac | null;
}

function encodeBody(family: number, index: number, state = 0, flags = 0, type = 0): Buffer {
  const body = Buffer.alloc(12);
  body[0] = family;
  body.writeInt32LE(index, 4);
  body.writeUInt16LE(state, 8);
  body[10] = flags;
  body[11] = type;
  return body;
}

/** A request to set or delete a permanent ARP entry. */
export function encodeNeighbour(index: number, entry: Neighbour): Buffer[] {
  return [
    encodeBody(AF_INET, index, NUD_PERMANENT, 0, RTN_UNICAST),
    be32(NDA.DST, entry.address),
    attribute(NDA.LLADDR, macBytes(entry.mac)),
  ];
}

/** A request to set or delete a permanent forwarding entry of the device itself. */
export function encodeForwarding(index: number, entry: Forwarding): Buffer[] {
  return [
    encodeBody(AF_BRIDGE, index, NUD_PERMANENT, NTF_SELF),
    be32(NDA.DST, entry.destination),
    attribute(NDA.LLADDR, macBytes(entry.mac)),
  ];
}

/** The requests for one link's entries, which GET_STRICT_CHK makes the kernel filter; without it, all links answer. */
export function encodeNeighbourQuery(index: number): Buffer[] {
  return [encodeBody(AF_INET, 0), u32(NDA.IFINDEX, index)];
}

/** See encodeNeighbourQuery; here the index stands in the body. */
export function encodeForwardingQuery(index: number): Buffer[] {
  return [encodeBody(AF_BRIDGE, index)];
}

export function decodeNeighbour(body: Buffer): LinkNeighbour {
  const attributes = decodeAttributes(body, 12);
  const address = attributes.get(NDA.DST);
  const mac = attributes.get(NDA.LLADDR);
  return {
    family: body[0]!,
    index: body.readInt32LE(4),
    permanent: (body.readUInt16LE(8) & NUD_PERMANENT) !== 0,
    self: (body[10]! & NTF_SELF) !== 0,
    address: address?.length === 4 ? Ipv4(address.readUInt32BE(0)) : null,
    mac: mac?.length === 6 ? formatMac(mac) : null,
  };
}
