/**
 * Choosing a free subnet (flannel.md 3.2c): walk the range, skip what overlaps any lease whatever its length, stop at the
 * first hundred free ones and take one of them by chance, so that hosts that start together rarely race for the same.
 */
import type { NetworkConfig } from "./config.ts";
import { addressCount, Ipv4, lastAddress, networkOf, overlaps, type Prefix } from "./ipv4.ts";
import type { SubnetLease } from "./lease.ts";

/** How many free subnets are looked for before one is drawn. */
export const candidatesMax = 100;

/** A free subnet chosen by `random` (uniform below 2^32), or null when all are taken. */
export function allocate(
  config: NetworkConfig,
  leases: readonly SubnetLease[],
  random: number,
): Prefix | null {
  const free = freeSubnets(config, leases);
  return free.length === 0 ? null : free[random % free.length]!;
}

/**
 * One sweep over the leases sorted by first address, beside the walk over the range: a subnet is taken if any lease that
 * begins at or before its end reaches to or beyond its beginning. 65,536 subnets cost milliseconds, not seconds.
 */
function freeSubnets(config: NetworkConfig, leases: readonly SubnetLease[]): Prefix[] {
  const taken = leases
    .map((lease) => networkOf(lease.subnet))
    .sort((left, right) => left.address - right.address);
  const step = addressCount(config.subnetLength);
  const free: Prefix[] = [];
  let next = 0;
  let reached = -1;
  for (
    let base: number = config.subnetMin;
    base <= config.subnetMax && free.length < candidatesMax;
    base += step
  ) {
    for (; next < taken.length && taken[next]!.address < base + step; next++) {
      reached = Math.max(reached, lastAddress(taken[next]!));
    }
    if (reached < base) free.push({ address: Ipv4(base), length: config.subnetLength });
  }
  return free;
}

/** Whether a subnet may be leased under this configuration: right length, aligned, within the range. */
export function isCompatible(config: NetworkConfig, subnet: Prefix): boolean {
  return (
    subnet.length === config.subnetLength &&
    subnet.address % addressCount(subnet.length) === 0 &&
    subnet.address >= config.subnetMin &&
    subnet.address <= config.subnetMax
  );
}

export function isFree(leases: readonly SubnetLease[], subnet: Prefix): boolean {
  return !leases.some((lease) => overlaps(lease.subnet, subnet));
}
