/**
 * A subnet lease as it stands in the store (flannel.md 2): one key per host under `<prefix>/subnets/`, whose name is the
 * subnet and whose value says how to reach its owner. Formats are flannel's to the byte; readers accept every shape that
 * any flannel version has written.
 */
import type { LeaseId } from "../base/ids.ts";
import { formatIpv4, Ipv4, type Prefix, parseIpv4 } from "./ipv4.ts";
import { fieldOf, isObject, parseJson } from "./json.ts";

/** What the owner tells its peers. `backendData` is the backend's own JSON, passed through as it came. */
export interface LeaseAttributes {
  readonly publicIp: Ipv4;
  /** Text as found; null when absent. IPv6 is not used yet, but an owner's value must survive being written back. */
  readonly publicIpv6: string | null;
  /** Empty for udp and alloc, which leave it out. */
  readonly backendType: string;
  readonly backendData: unknown;
}

/** One lease as read from the store. */
export interface SubnetLease {
  /** Last part of the key, for example `10.5.34.0-24`. */
  readonly name: string;
  readonly subnet: Prefix;
  readonly attributes: LeaseAttributes;
  /** The store's revision of the key, for compare-and-put. */
  readonly modRevision: number;
  /** The store lease that ends it; 0n is a reservation, which never ends (flannel.md 3.3). */
  readonly storeLease: LeaseId;
}

/** The key's last part: `10.5.34.0-24`. */
export function formatLeaseName(subnet: Prefix): string {
  return `${formatIpv4(subnet.address)}-${subnet.length}`;
}

/**
 * The subnet of a key's last part, IPv4 half only (`10.5.34.0-24&fc00::-64` is dual stack). Null for anything else: such
 * a key is skipped with a warning, never fatal. As in flannel, a length is accepted by its width of bits (up to 31).
 */
export function parseLeaseName(name: string): Prefix | null {
  const match = /(\d+\.\d+\.\d+\.\d+)-(\d+)(?:&([a-f\d:]+)-(\d+))?$/.exec(name);
  if (!match) return null;
  const address = parseIpv4(match[1]!);
  const length = Number(match[2]);
  if (address === null || length > 31) return null;
  if (match[4] !== undefined && Number(match[4]) > 127) return null;
  return { address, length };
}

/** The value, compact, with flannel's field order; empty backend fields are left out. */
export function formatLeaseValue(attributes: LeaseAttributes): string {
  return JSON.stringify({
    PublicIP: formatIpv4(attributes.publicIp),
    PublicIPv6: attributes.publicIpv6,
    ...(attributes.backendType === "" ? {} : { BackendType: attributes.backendType }),
    ...(attributes.backendData === undefined ? {} : { BackendData: attributes.backendData }),
  });
}

/** Reads a value of any flannel version; null if it is not JSON or has no usable PublicIP. */
export function parseLeaseValue(text: string): LeaseAttributes | null {
  const parsed = parseJson(text);
  if (!parsed.ok || !isObject(parsed.value)) return null;
  const publicIp = fieldOf(parsed.value, "PublicIP");
  const address = typeof publicIp === "string" ? parseIpv4(publicIp) : null;
  if (address === null) return null;
  const publicIpv6 = fieldOf(parsed.value, "PublicIPv6");
  const backendType = fieldOf(parsed.value, "BackendType");
  return {
    publicIp: Ipv4(address),
    publicIpv6: typeof publicIpv6 === "string" ? publicIpv6 : null,
    backendType: typeof backendType === "string" ? backendType : "",
    backendData: fieldOf(parsed.value, "BackendData"),
  };
}

/** Whether two owners tell their peers the same; the order of JSON fields in the backend's data counts, text being text. */
export function sameAttributes(left: LeaseAttributes, right: LeaseAttributes): boolean {
  return formatLeaseValue(left) === formatLeaseValue(right);
}
