/**
 * The network configuration that an operator writes to `<prefix>/config` (flannel.md 1): read tolerantly, judged strictly.
 * A refusal is a value that names the field, since a bad configuration means "wait for a better one", never an error.
 *
 * Two deviations from flannel, both in docs/known-gaps.md: a configuration without Backend means vxlan here (flannel's
 * default is udp, although its documentation says vxlan), and backends other than vxlan are refused for now.
 */

import {
  addressCount,
  contains,
  formatIpv4,
  formatPrefix,
  Ipv4,
  lastAddress,
  networkOf,
  type Prefix,
  parseIpv4,
  parsePrefix,
} from "./ipv4.ts";
import { fieldOf, isObject, parseJson } from "./json.ts";

/** Options of the vxlan backend (flannel.md 1). */
export interface VxlanConfig {
  readonly type: "vxlan";
  /** VXLAN network identifier, 24 bits. */
  readonly vni: number;
  /** UDP port; null leaves it to the kernel, whose default is 8472. */
  readonly port: number | null;
  readonly gbp: boolean;
  readonly learning: boolean;
  /** MTU of the underlay; null means that of the external interface. 50 bytes are subtracted in either case. */
  readonly mtu: number | null;
}

/** A valid configuration. `subnetMin` and `subnetMax` are the first and last subnet that may be leased, both aligned. */
export interface NetworkConfig {
  readonly network: Prefix;
  readonly subnetLength: number;
  readonly subnetMin: Ipv4;
  readonly subnetMax: Ipv4;
  readonly backend: VxlanConfig;
}

export type ConfigVerdict =
  | { readonly ok: true; readonly config: NetworkConfig }
  | { readonly ok: false; readonly problem: string };

/** Carries a refusal out of the nested readers below; never leaves this file. */
class Refusal extends Error {}

function refuse(field: string, problem: string): never {
  throw new Refusal(`${field}: ${problem}`);
}

/** Reads and judges the text under `<prefix>/config`. */
export function parseNetworkConfig(text: string): ConfigVerdict {
  const parsed = parseJson(text);
  if (!parsed.ok) return { ok: false, problem: `config: is not JSON (${parsed.problem})` };
  if (!isObject(parsed.value)) return { ok: false, problem: "config: must be a JSON object" };
  try {
    return { ok: true, config: readConfig(parsed.value) };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, problem: error.message };
    throw error;
  }
}

function readConfig(json: object): NetworkConfig {
  if (!boolean(json, "EnableIPv4", true))
    refuse("EnableIPv4", "cannot be false: IPv6-only networks are not supported yet");
  if (boolean(json, "EnableIPv6", false)) refuse("EnableIPv6", "IPv6 is not supported yet");
  if (boolean(json, "EnableNFTables", false))
    refuse("EnableNFTables", "firewall rules are not supported yet");
  const network = readNetwork(json);
  const subnetLength = readSubnetLength(json, network);
  const step = addressCount(subnetLength);
  const subnetMin = readBound(json, "SubnetMin", network, subnetLength, Ipv4(network.address + step));
  const subnetMax = readBound(
    json,
    "SubnetMax",
    network,
    subnetLength,
    Ipv4(lastAddress(network) - step + 1),
  );
  if (subnetMin > subnetMax)
    refuse("SubnetMin", `${formatIpv4(subnetMin)} is after SubnetMax ${formatIpv4(subnetMax)}`);
  return { network, subnetLength, subnetMin, subnetMax, backend: readBackend(fieldOf(json, "Backend")) };
}

function readNetwork(json: object): Prefix {
  const text = fieldOf(json, "Network");
  if (text === undefined) refuse("Network", "is required, for example 10.5.0.0/16");
  const prefix = typeof text === "string" ? parsePrefix(text) : null;
  if (!prefix) refuse("Network", `${JSON.stringify(text)} is not a prefix such as 10.5.0.0/16`);
  return networkOf(prefix);
}

/** Two bits at least separate a subnet from its network, and a subnet has at least two usable addresses. */
function readSubnetLength(json: object, network: Prefix): number {
  const given = integer(json, "SubnetLen", 0, 32, "SubnetLen");
  if (!given) {
    if (network.length > 28)
      refuse("Network", `${formatPrefix(network)} is too small; /28 is the longest without SubnetLen`);
    return network.length <= 22 ? 24 : network.length + 2;
  }
  if (given > 30) refuse("SubnetLen", `${given} is more than 30`);
  if (given < network.length + 2)
    refuse("SubnetLen", `${given} is less than ${network.length + 2}, two more than Network has`);
  return given;
}

function readBound(json: object, field: string, network: Prefix, length: number, fallback: Ipv4): Ipv4 {
  const text = fieldOf(json, field);
  if (text === undefined || text === "") return fallback;
  const address = typeof text === "string" ? parseIpv4(text) : null;
  if (address === null) refuse(field, `${JSON.stringify(text)} is not an address such as 10.5.1.0`);
  if (address === 0) return fallback;
  if (!contains(network, address))
    refuse(field, `${formatIpv4(address)} is outside of Network ${formatPrefix(network)}`);
  if (networkOf({ address, length }).address !== address)
    refuse(field, `${formatIpv4(address)} is not on a /${length} boundary`);
  return address;
}

function readBackend(json: unknown): VxlanConfig {
  const options = json === undefined ? { Type: "vxlan" } : json;
  if (!isObject(options)) refuse("Backend", "must be a JSON object");
  const name = fieldOf(options, "Type");
  if (typeof name !== "string") refuse("Backend.Type", "is required, for example vxlan");
  if (name.toLowerCase() !== "vxlan")
    refuse("Backend.Type", `${JSON.stringify(name)} is not supported yet; use vxlan`);
  if (boolean(options, "DirectRouting", false, "Backend.DirectRouting")) {
    refuse("Backend.DirectRouting", "is not supported yet");
  }
  const mtu = integer(options, "MTU", 0, 65535, "Backend.MTU") ?? 0;
  if (mtu !== 0 && mtu < 118)
    refuse("Backend.MTU", `${mtu} leaves less than 68 bytes after 50 bytes of encapsulation`);
  return {
    type: "vxlan",
    vni: integer(options, "VNI", 0, 0xffffff, "Backend.VNI") ?? 1,
    port: integer(options, "Port", 0, 65535, "Backend.Port") || null,
    gbp: boolean(options, "GBP", false, "Backend.GBP"),
    learning: boolean(options, "Learning", false, "Backend.Learning"),
    mtu: mtu || null,
  };
}

function boolean(json: object, field: string, fallback: boolean, path = field): boolean {
  const value = fieldOf(json, field);
  if (value === undefined) return fallback;
  if (typeof value !== "boolean") refuse(path, `${JSON.stringify(value)} is not true or false`);
  return value;
}

function integer(json: object, field: string, min: number, max: number, path: string): number | undefined {
  const value = fieldOf(json, field);
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    refuse(path, `${JSON.stringify(value)} is not a whole number from ${min} to ${max}`);
  }
  return value;
}
