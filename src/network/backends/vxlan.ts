/**
 * The vxlan backend (flannel.md 4.1, static entries): one device, and per peer a permanent ARP entry, a forwarding entry
 * and an onlink route. The peer's base address is both gateway and the host's own address on the device, so no broadcast
 * ever crosses the underlay. Pure: leases in, kernel state out.
 */

import type { NetworkConfig } from "../config.ts";
import { contains, formatPrefix, type Ipv4, networkOf, overlaps, type Prefix } from "../ipv4.ts";
import { fieldOf, isObject } from "../json.ts";
import type { ExternalInterface, Forwarding, KernelState, Neighbour, Route } from "../kernel-state.ts";
import type { LeaseAttributes, SubnetLease } from "../lease.ts";
import { type Mac, parseMac, stableMac } from "../mac.ts";

/** Outer Ethernet, IPv4, UDP and VXLAN headers (flannel.md 4). */
export const vxlanOverhead = 50;

/** What a backend needs to know of its own host. */
export interface VxlanSelf {
  readonly subnet: Prefix;
  readonly external: ExternalInterface;
  readonly mac: Mac;
}

/** A peer that the data plane can reach. */
export interface VxlanPeer {
  readonly subnet: Prefix;
  readonly publicIp: Ipv4;
  readonly mac: Mac;
}

export function vxlanDeviceName(config: NetworkConfig): string {
  return `flannel.${config.backend.vni}`;
}

/**
 * The device's address: derived, so that it survives restarts, reboots and a deleted device, and peers need not learn a
 * new one. It is set when the device is made, since systemd otherwise rewrites it afterwards (flannel.md 4.1).
 */
export function vxlanMac(machineId: string, config: NetworkConfig): Mac {
  return stableMac(`${machineId}/vxlan/${config.backend.vni}`);
}

/**
 * MTU of the device, and of subnet.env. A configured underlay MTU beyond that of the external interface is cut to it: the
 * kernel does so to the device anyway, and containers must not be promised more (flannel promises it).
 */
export function vxlanMtu(config: NetworkConfig, external: ExternalInterface): number {
  return Math.min(config.backend.mtu ?? external.mtu, external.mtu) - vxlanOverhead;
}

/** What we write into our lease (flannel.md 2). */
export function vxlanAttributes(publicIp: Ipv4, mac: Mac, config: NetworkConfig): LeaseAttributes {
  const backendData = { VNI: config.backend.vni, VtepMAC: mac };
  return { publicIp, publicIpv6: null, backendType: "vxlan", backendData };
}

/**
 * The peers among the leases: not ourselves, the same backend, a readable address, inside the network. A lease from
 * outside the network is somebody's mistake, and a route for it could take any traffic of this host.
 */
export function vxlanPeers(
  self: Pick<VxlanSelf, "subnet">,
  leases: readonly SubnetLease[],
  config: NetworkConfig,
): VxlanPeer[] {
  const peers: VxlanPeer[] = [];
  for (const { subnet, attributes } of leases) {
    if (overlaps(subnet, self.subnet)) continue;
    if (attributes.backendType !== "vxlan" || !isWithin(config.network, subnet)) continue;
    const mac = vtepMac(attributes.backendData);
    if (mac) peers.push({ subnet, publicIp: attributes.publicIp, mac });
  }
  return peers;
}

function isWithin(network: Prefix, subnet: Prefix): boolean {
  return (
    subnet.length >= network.length &&
    contains(network, subnet.address) &&
    networkOf(subnet).address === subnet.address
  );
}

function vtepMac(data: unknown): Mac | null {
  const text = isObject(data) ? fieldOf(data, "VtepMAC") : undefined;
  return typeof text === "string" ? parseMac(text) : null;
}

/**
 * The whole kernel state of this host. Of two peers that claim one MAC, or one base address, the first keeps it: an entry
 * can say one thing only, and alternating between two would never come to rest.
 */
export function desiredVxlan(
  self: VxlanSelf,
  leases: readonly SubnetLease[],
  config: NetworkConfig,
): KernelState {
  const { external, mac, subnet } = self;
  const { vni, port, learning, gbp } = config.backend;
  const neighbours = new Map<Ipv4, Neighbour>();
  const forwarding = new Map<Mac, Forwarding>();
  const routes = new Map<string, Route>();
  for (const peer of vxlanPeers(self, leases, config)) {
    const gateway = peer.subnet.address;
    if (!forwarding.has(peer.mac)) forwarding.set(peer.mac, { mac: peer.mac, destination: peer.publicIp });
    if (!neighbours.has(gateway)) neighbours.set(gateway, { address: gateway, mac: peer.mac });
    routes.set(formatPrefix(peer.subnet), { destination: peer.subnet, gateway, onlink: true });
  }
  return {
    device: {
      kind: "vxlan",
      name: vxlanDeviceName(config),
      mac,
      mtu: vxlanMtu(config, external),
      vni,
      parent: external.index,
      local: external.address,
      port,
      learning,
      gbp,
    },
    addresses: [{ address: subnet.address, length: 32 }],
    network: config.network,
    neighbours: [...neighbours.values()],
    forwarding: [...forwarding.values()],
    routes: [...routes.values()],
  };
}
