/** Links: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK and ifinfomsg (flannel.md 7). Pure codec. */
import { Ipv4 } from "../../network/ipv4.ts";
import type { ActualDevice, VxlanDevice } from "../../network/kernel-state.ts";
import type { Mac } from "../../network/mac.ts";
import {
  attribute,
  be16,
  be32,
  decodeAttributes,
  nested,
  readString,
  u8,
  u32,
  zeroEnded,
} from "./message.ts";

export const linkType = { NEW: 16, DEL: 17, GET: 18 } as const;
/** Interface flag: administratively up. */
export const IFF_UP = 1;

const IFLA = { ADDRESS: 1, IFNAME: 3, MTU: 4, TXQLEN: 13, LINKINFO: 18 } as const;
const INFO = { KIND: 1, DATA: 2 } as const;
const VXLAN = {
  ID: 1,
  LINK: 3,
  LOCAL: 4,
  TTL: 5,
  TOS: 6,
  LEARNING: 7,
  PROXY: 11,
  RSC: 12,
  L2MISS: 13,
  L3MISS: 14,
  PORT: 15,
  GBP: 23,
} as const;

/** A link as the kernel describes it. */
export interface Link {
  readonly index: number;
  readonly name: string;
  readonly up: boolean;
  readonly mtu: number;
  readonly mac: Mac | null;
  /** Empty for hardware and the loopback. */
  readonly kind: string;
  /** Attributes of the kind, undecoded; a copy, since the receive buffer is used again. */
  readonly data: Buffer | null;
}

/** ifinfomsg, 16 bytes. */
export function encodeLinkBody(options: { index?: number; flags?: number; change?: number } = {}): Buffer {
  const body = Buffer.alloc(16);
  body.writeInt32LE(options.index ?? 0, 4);
  body.writeUInt32LE(options.flags ?? 0, 8);
  body.writeUInt32LE(options.change ?? 0, 12);
  return body;
}

/** The request for one link by name. */
export function encodeLinkQuery(name: string): Buffer[] {
  return [encodeLinkBody(), zeroEnded(IFLA.IFNAME, name)];
}

/** A new VXLAN device: the attributes in flannel's order (flannel.md 4.1), with the MAC from the beginning. */
export function encodeVxlan(device: VxlanDevice): Buffer[] {
  return [
    encodeLinkBody(),
    zeroEnded(IFLA.IFNAME, device.name),
    attribute(IFLA.ADDRESS, macBytes(device.mac)),
    u32(IFLA.MTU, device.mtu),
    u32(IFLA.TXQLEN, 0),
    nested(IFLA.LINKINFO, [zeroEnded(INFO.KIND, device.kind), nested(INFO.DATA, vxlanData(device))]),
  ];
}

function vxlanData(device: VxlanDevice): Buffer[] {
  return [
    u32(VXLAN.ID, device.vni),
    u32(VXLAN.LINK, device.parent),
    be32(VXLAN.LOCAL, device.local),
    u8(VXLAN.TTL, 0),
    u8(VXLAN.TOS, 0),
    u8(VXLAN.LEARNING, device.learning ? 1 : 0),
    u8(VXLAN.PROXY, 0),
    u8(VXLAN.RSC, 0),
    u8(VXLAN.L2MISS, 0),
    u8(VXLAN.L3MISS, 0),
    ...(device.gbp ? [attribute(VXLAN.GBP, Buffer.alloc(0))] : []),
    ...(device.port === null ? [] : [be16(VXLAN.PORT, device.port)]),
  ];
}

/** Sets a link up, with another MAC or MTU where one is given. */
export function encodeLinkChange(index: number, change: { mac: Mac | null; mtu: number | null }): Buffer[] {
  return [
    encodeLinkBody({ index, flags: IFF_UP, change: IFF_UP }),
    ...(change.mac === null ? [] : [attribute(IFLA.ADDRESS, macBytes(change.mac))]),
    ...(change.mtu === null ? [] : [u32(IFLA.MTU, change.mtu)]),
  ];
}

/** The body of a NEW or DEL message, as in dumps and notifications. */
export function decodeLink(body: Buffer): Link {
  const attributes = decodeAttributes(body, 16);
  const info = attributes.get(IFLA.LINKINFO);
  const details = info ? decodeAttributes(info) : null;
  const kind = details?.get(INFO.KIND);
  const data = details?.get(INFO.DATA);
  const address = attributes.get(IFLA.ADDRESS);
  return {
    index: body.readInt32LE(4),
    name: readString(attributes.get(IFLA.IFNAME) ?? Buffer.alloc(0)),
    up: (body.readUInt32LE(8) & IFF_UP) !== 0,
    mtu: attributes.get(IFLA.MTU)?.readUInt32LE(0) ?? 0,
    mac: address?.length === 6 ? formatMac(address) : null,
    kind: kind ? readString(kind) : "",
    data: data ? Buffer.from(data) : null,
  };
}

/** A link as the core compares it; what is not VXLAN shows zeros beside its kind. */
export function decodeDevice(link: Link): ActualDevice {
  const data = link.kind === "vxlan" && link.data ? decodeAttributes(link.data) : new Map<number, Buffer>();
  return {
    kind: link.kind,
    name: link.name,
    index: link.index,
    up: link.up,
    mac: link.mac,
    mtu: link.mtu,
    vni: data.get(VXLAN.ID)?.readUInt32LE(0) ?? 0,
    parent: data.get(VXLAN.LINK)?.readUInt32LE(0) ?? 0,
    local: Ipv4(data.get(VXLAN.LOCAL)?.readUInt32BE(0) ?? 0),
    port: data.get(VXLAN.PORT)?.readUInt16BE(0) ?? 0,
    learning: data.get(VXLAN.LEARNING)?.readUInt8(0) === 1,
    gbp: data.has(VXLAN.GBP),
  };
}

export function macBytes(mac: Mac): Buffer {
  return Buffer.from(mac.replaceAll(":", ""), "hex");
}

export function formatMac(bytes: Buffer): Mac {
  return (bytes.toString("hex").match(/../g) ?? []).join(":") as Mac;
}
