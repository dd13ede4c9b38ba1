/**
 * rtnetlink by its verbs: what this program asks of the kernel's links, addresses, routes and neighbours. Puts requests
 * and codecs together; knows nothing of subnets or peers. Methods throw NetlinkError.
 */
import type { Prefix } from "../../network/ipv4.ts";
import { formatIpv4, formatPrefix } from "../../network/ipv4.ts";
import type { Forwarding, Neighbour, Route, VxlanDevice } from "../../network/kernel-state.ts";
import type { Mac } from "../../network/mac.ts";
import {
  addressType,
  decodeAddress,
  encodeAddress,
  encodeAddressQuery,
  type LinkAddress,
} from "./address.ts";
import { errno, NetlinkError } from "./errors.ts";
import type { Libc } from "./libc.ts";
import {
  decodeLink,
  encodeLinkBody,
  encodeLinkChange,
  encodeLinkQuery,
  encodeVxlan,
  type Link,
  linkType,
} from "./link.ts";
import { flag } from "./message.ts";
import {
  AF_BRIDGE,
  decodeNeighbour,
  encodeForwarding,
  encodeForwardingQuery,
  encodeNeighbour,
  encodeNeighbourQuery,
  type LinkNeighbour,
  neighbourType,
} from "./neighbour.ts";
import { decodeRoute, encodeRoute, encodeRouteQuery, type LinkRoute, routeType } from "./route.ts";
import { RequestSocket } from "./socket.ts";

export class Rtnetlink {
  readonly #socket: RequestSocket;

  /** Throws netlink.unavailable. */
  constructor(modules: { libc: Libc }) {
    this.#socket = new RequestSocket(modules.libc);
  }

  close(): void {
    this.#socket.close();
  }

  /** The link of that name, or null. */
  link(name: string): Link | null {
    let link: Link | null = null;
    try {
      const request = {
        operation: `look up ${name}`,
        type: linkType.GET,
        flags: 0,
        parts: encodeLinkQuery(name),
      };
      this.#socket.query(request, (body) => {
        link = decodeLink(body);
      });
    } catch (error) {
      if (!isRefusal(error, errno.ENODEV)) throw error;
    }
    return link;
  }

  links(): Link[] {
    const request = { operation: "list links", type: linkType.GET, flags: 0, parts: [encodeLinkBody()] };
    return this.#socket.dump(request, decodeLink);
  }

  createVxlan(device: VxlanDevice): void {
    this.#change(`create ${device.name}`, linkType.NEW, flag.CREATE | flag.EXCL, encodeVxlan(device));
  }

  /** Sets the link up, with another MAC or MTU where one is given. */
  setLink(index: number, change: { mac: Mac | null; mtu: number | null }): void {
    this.#change(`set link ${index} up`, linkType.NEW, 0, encodeLinkChange(index, change));
  }

  deleteLink(index: number, name: string): void {
    this.#change(`delete ${name}`, linkType.DEL, 0, [encodeLinkBody({ index })]);
  }

  /** IPv4 addresses of one link, or of all with index 0. */
  addresses(index: number): LinkAddress[] {
    const request = {
      operation: "list addresses",
      type: addressType.GET,
      flags: 0,
      parts: encodeAddressQuery(index),
    };
    return this.#socket.dump(request, decodeAddress).filter((entry) => index === 0 || entry.index === index);
  }

  addAddress(index: number, prefix: Prefix): void {
    const operation = `add address ${formatPrefix(prefix)}`;
    this.#change(operation, addressType.NEW, flag.CREATE | flag.EXCL, encodeAddress(index, prefix));
  }

  deleteAddress(index: number, prefix: Prefix): void {
    this.#change(`delete address ${formatPrefix(prefix)}`, addressType.DEL, 0, encodeAddress(index, prefix));
  }

  /** IPv4 routes of the main table over one link, or all with null. */
  routes(index: number | null): LinkRoute[] {
    const request = {
      operation: "list routes",
      type: routeType.GET,
      flags: 0,
      parts: encodeRouteQuery(index),
    };
    return this.#socket
      .dump(request, decodeRoute)
      .filter((route) => index === null || route.device === index);
  }

  /** Refused with EEXIST if any route to the same destination exists: one of somebody else is never replaced. */
  addRoute(index: number, route: Route): void {
    const operation = `add route ${formatPrefix(route.destination)}`;
    this.#change(operation, routeType.NEW, flag.CREATE | flag.EXCL, encodeRoute(index, route));
  }

  deleteRoute(index: number, route: Route): void {
    this.#change(
      `delete route ${formatPrefix(route.destination)}`,
      routeType.DEL,
      0,
      encodeRoute(index, route),
    );
  }

  /** The ARP entries of one link. */
  neighbours(index: number): LinkNeighbour[] {
    return this.#neighbours("list ARP entries", encodeNeighbourQuery(index), index);
  }

  setNeighbour(index: number, entry: Neighbour): void {
    const operation = `set ARP entry ${formatIpv4(entry.address)}`;
    this.#change(operation, neighbourType.NEW, flag.CREATE | flag.REPLACE, encodeNeighbour(index, entry));
  }

  deleteNeighbour(index: number, entry: Neighbour): void {
    this.#change(
      `delete ARP entry ${formatIpv4(entry.address)}`,
      neighbourType.DEL,
      0,
      encodeNeighbour(index, entry),
    );
  }

  /** The forwarding entries of one link itself. */
  forwarding(index: number): LinkNeighbour[] {
    const entries = this.#neighbours("list forwarding entries", encodeForwardingQuery(index), index);
    return entries.filter((entry) => entry.family === AF_BRIDGE && entry.self);
  }

  setForwarding(index: number, entry: Forwarding): void {
    const operation = `set forwarding entry ${entry.mac}`;
    this.#change(operation, neighbourType.NEW, flag.CREATE | flag.REPLACE, encodeForwarding(index, entry));
  }

  deleteForwarding(index: number, entry: Forwarding): void {
    this.#change(
      `delete forwarding entry ${entry.mac}`,
      neighbourType.DEL,
      0,
      encodeForwarding(index, entry),
    );
  }

  #neighbours(operation: string, parts: Buffer[], index: number): LinkNeighbour[] {
    const request = { operation, type: neighbourType.GET, flags: 0, parts };
    return this.#socket.dump(request, decodeNeighbour).filter((entry) => entry.index === index);
  }

  #change(operation: string, type: number, flags: number, parts: Buffer[]): void {
    this.#socket.change({ operation, type, flags, parts });
  }
}

/** Whether the kernel answered with one of these errors. */
export function isRefusal(error: unknown, ...codes: number[]): boolean {
  return (
    error instanceof NetlinkError &&
    error.detail.code === "netlink.refused" &&
    codes.includes(error.detail.errno)
  );
}
