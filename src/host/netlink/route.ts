/** IPv4 routes of the main table: RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE and rtmsg (flannel.md 7). Pure codec. */
import { Ipv4 } from "../../network/ipv4.ts";
import type { Route } from "../../network/kernel-state.ts";
import { AF_INET } from "./address.ts";
import { be32, decodeAttributes, u32 } from "./message.ts";

export const routeType = { NEW: 24, DEL: 25, GET: 26 } as const;

const RTA = { DST: 1, OIF: 4, GATEWAY: 5, PRIORITY: 6, TABLE: 15 } as const;
const RTN_UNICAST = 1;
const RTNH_F_ONLINK = 4;
export const tableMain = 254;
/** The routing protocol number that flannel's routes carry. */
export const protocolBoot = 3;
const scope = { universe: 0, link: 253 } as const;

/** A route as the kernel describes it. `device` is null for one with several next hops or none. */
export interface LinkRoute extends Route {
  readonly device: number | null;
  readonly table: number;
  readonly protocol: number;
  /** Unicast, as opposed to blackhole, local and their like. */
  readonly unicast: boolean;
  readonly priority: number;
}

/** A request to add or delete a route over the link; the kernel's default priority 0. */
export function encodeRoute(index: number, route: Route): Buffer[] {
  const body = Buffer.alloc(12);
  body[0] = AF_INET;
  body[1] = route.destination.length;
  body[4] = tableMain;
  body[5] = protocolBoot;
  body[6] = route.gateway === null ? scope.link : scope.universe;
  body[7] = RTN_UNICAST;
  body.writeUInt32LE(route.onlink ? RTNH_F_ONLINK : 0, 8);
  return [
    body,
    be32(RTA.DST, route.destination.address),
    ...(route.gateway === null ? [] : [be32(RTA.GATEWAY, route.gateway)]),
    u32(RTA.OIF, index),
  ];
}

/** The request for the main table; with an index, only the routes over that link (needs GET_STRICT_CHK). */
export function encodeRouteQuery(index: number | null): Buffer[] {
  const body = Buffer.alloc(12);
  body[0] = AF_INET;
  body[4] = tableMain;
  return index === null ? [body] : [body, u32(RTA.OIF, index)];
}

/** Null for what is not IPv4. */
export function decodeRoute(body: Buffer): LinkRoute | null {
  if (body[0] !== AF_INET) return null;
  const attributes = decodeAttributes(body, 12);
  return {
    destination: { address: Ipv4(attributes.get(RTA.DST)?.readUInt32BE(0) ?? 0), length: body[1]! },
    gateway: attributes.has(RTA.GATEWAY) ? Ipv4(attributes.get(RTA.GATEWAY)!.readUInt32BE(0)) : null,
    onlink: (body.readUInt32LE(8) & RTNH_F_ONLINK) !== 0,
    device: attributes.get(RTA.OIF)?.readUInt32LE(0) ?? null,
    table: attributes.get(RTA.TABLE)?.readUInt32LE(0) ?? body[4]!,
    protocol: body[5]!,
    unicast: body[7] === RTN_UNICAST,
    priority: attributes.get(RTA.PRIORITY)?.readUInt32LE(0) ?? 0,
  };
}

/** Whether the route is of the kind that we make: main table, protocol boot, unicast, default priority. */
export function isOwnKind(route: LinkRoute): boolean {
  return (
    route.table === tableMain && route.protocol === protocolBoot && route.unicast && route.priority === 0
  );
}

/** Whether the route is a default route of the main table that leads out over one link. */
export function isDefault(route: LinkRoute): boolean {
  return (
    route.table === tableMain && route.unicast && route.destination.length === 0 && route.device !== null
  );
}
