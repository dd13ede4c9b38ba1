/** The overlay as containers see it: a namespace behind a bridge on each host, at the second address of its subnet. */
import type { Cluster } from "./cluster.ts";
import { type Host, until } from "./hosts.ts";

/** A host's subnet as its subnet.env tells it (flannel.md 5). */
export interface Subnet {
  readonly host: Host;
  /** The subnet's own address, such as `10.5.34.0`. */
  readonly base: string;
  /** Address of the namespace. */
  readonly inside: string;
  readonly env: Readonly<Record<string, string>>;
}

export class Overlay {
  readonly #cluster: Cluster;
  #subnets: readonly Subnet[] = [];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Waits until every host has its subnet. */
  async subnets(): Promise<readonly Subnet[]> {
    this.#subnets = await Promise.all(
      this.#cluster.hosts.map(async (host) => {
        const text = await until(
          `subnet.env on ${host.name}`,
          async () => (await host.exec("cat /run/flannel/subnet.env")).stdout || undefined,
          { withinMs: 30_000 },
        );
        const lines = text.trim().split("\n");
        const env = Object.fromEntries(lines.map((line) => line.split("=") as [string, string]));
        const base = env.FLANNEL_SUBNET!.replace(/\.1\/24$/, ".0");
        return { host, base, inside: base.replace(/\.0$/, ".2"), env };
      }),
    );
    return this.#subnets;
  }

  /** Makes the bridge and the namespace on every host, as a CNI plugin would. */
  async attach(): Promise<void> {
    for (const { host, base, inside, env } of this.#subnets) {
      const gateway = base.replace(/\.0$/, ".1");
      await host.must(`set -e
        sysctl -qw net.ipv4.ip_forward=1
        ip netns add pod
        ip link add cni0 mtu ${env.FLANNEL_MTU} type bridge
        ip addr add ${env.FLANNEL_SUBNET} dev cni0
        ip link set cni0 up
        ip link add pod0 mtu ${env.FLANNEL_MTU} type veth peer name eth0 netns pod
        ip link set pod0 master cni0 up
        ip -n pod addr add ${inside}/24 dev eth0
        ip -n pod link set eth0 up
        ip -n pod link set lo up
        ip -n pod route add default via ${gateway}`);
    }
  }

  /** Every ordered pair of different hosts. */
  pairs(): ReadonlyArray<readonly [Subnet, Subnet]> {
    return this.#subnets.flatMap((from) =>
      this.#subnets.filter((to) => to !== from).map((to): readonly [Subnet, Subnet] => [from, to]),
    );
  }

  /** Whether the namespace of the one gets an answer from the other's. */
  async reaches(from: Subnet, to: Subnet): Promise<boolean> {
    const ping = ["ip", "netns", "exec", "pod", "ping", "-c1", "-W1", to.inside];
    return (await from.host.exec(ping)).code === 0;
  }

  /** The route of the one host to the other's subnet; empty if there is none. */
  async route(from: Subnet, to: Subnet): Promise<string> {
    return (await from.host.must(`ip route show ${to.base}/24`)).trim();
  }
}
