/** The text of /run/flannel/subnet.env (flannel.md 5), which Docker's and CNI's plugins read. */
import { formatPrefix, Ipv4, networkOf, type Prefix, parsePrefix } from "./ipv4.ts";

/** The file's content: what containers need to know of the overlay on this host. */
export interface SubnetEnv {
  readonly network: Prefix;
  /** The leased subnet; the file shows its first usable address. */
  readonly subnet: Prefix;
  readonly mtu: number;
  readonly ipMasq: boolean;
}

/** Byte for byte what flannel writes for an IPv4 network. */
export function formatSubnetEnv(env: SubnetEnv): string {
  const gateway = { address: Ipv4(env.subnet.address + 1), length: env.subnet.length };
  return (
    `FLANNEL_NETWORK=${formatPrefix(env.network)}\n` +
    `FLANNEL_SUBNET=${formatPrefix(gateway)}\n` +
    `FLANNEL_MTU=${env.mtu}\n` +
    `FLANNEL_IPMASQ=${env.ipMasq}\n`
  );
}

/** The subnet that an earlier run held, or null if the file does not say (flannel.md 3.2b). */
export function previousSubnet(text: string): Prefix | null {
  const match = /^FLANNEL_SUBNET=(.*)$/m.exec(text);
  const prefix = match ? parsePrefix(match[1]!.trim()) : null;
  return prefix ? networkOf(prefix) : null;
}
