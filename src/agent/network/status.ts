/** Peers and leases as the status shows them: text, in the order of the store's keys. */
import { vxlanPeers } from "../../network/backends/vxlan.ts";
import type { NetworkConfig } from "../../network/config.ts";
import { formatIpv4, formatPrefix, type Prefix } from "../../network/ipv4.ts";
import type { SubnetLease } from "../../network/lease.ts";
import type { LeaseStatus, PeerStatus } from "./module.ts";

export function peerStatuses(
  config: NetworkConfig,
  subnet: Prefix,
  leases: readonly SubnetLease[],
): PeerStatus[] {
  return vxlanPeers({ subnet }, leases, config).map((peer) => ({
    subnet: formatPrefix(peer.subnet),
    publicIp: formatIpv4(peer.publicIp),
    mac: peer.mac,
  }));
}

/** `own` is the name of the lease that this host holds. */
export function leaseStatuses(leases: readonly SubnetLease[], own: string | undefined): LeaseStatus[] {
  return leases.map(({ name, subnet, attributes, storeLease }) => ({
    subnet: formatPrefix(subnet),
    publicIp: formatIpv4(attributes.publicIp),
    backend: attributes.backendType || "udp",
    self: name === own,
    reservation: storeLease === 0n,
  }));
}
