/**
 * The subnet leases as last heard of, keyed by name (flannel.md 3.5). A snapshot replaces all of them, an event one; both
 * say whether anything changed, so that the data plane is only looked at when it may have to. Unlike flannel's, a
 * snapshot also notices a lease whose value changed.
 */
import { LeaseId } from "../base/ids.ts";
import { formatLeaseValue, parseLeaseName, parseLeaseValue, type SubnetLease } from "./lease.ts";

/** One key-value below `<prefix>/subnets/`, with the key already cut to its last part. */
export interface LeaseRecord {
  readonly name: string;
  readonly value: string;
  readonly modRevision: number;
  readonly storeLease: bigint;
}

/** The lease in a record, or null for one that no reader can use. */
export function parseLeaseRecord(record: LeaseRecord): SubnetLease | null {
  const subnet = parseLeaseName(record.name);
  const attributes = parseLeaseValue(record.value);
  if (!subnet || !attributes) return null;
  const { name, modRevision } = record;
  return { name, subnet, attributes, modRevision, storeLease: LeaseId(record.storeLease) };
}

export class LeaseSet {
  #leases = new Map<string, SubnetLease>();

  /** In the order of the store's keys. */
  list(): SubnetLease[] {
    return [...this.#leases.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  get(name: string): SubnetLease | undefined {
    return this.#leases.get(name);
  }

  /** Takes a full list. Returns whether any lease appeared, vanished or says something else now. */
  replace(leases: readonly SubnetLease[]): boolean {
    const next = new Map(leases.map((lease) => [lease.name, lease]));
    const changed =
      next.size !== this.#leases.size ||
      leases.some((lease) => !sameLease(this.#leases.get(lease.name), lease));
    this.#leases = next;
    return changed;
  }

  /** Takes one written lease. */
  put(lease: SubnetLease): boolean {
    const changed = !sameLease(this.#leases.get(lease.name), lease);
    this.#leases.set(lease.name, lease);
    return changed;
  }

  /** A delete event carries no value: the name is all there is. */
  remove(name: string): boolean {
    return this.#leases.delete(name);
  }
}

/** Same for the data plane: revision and store lease do not matter there. */
function sameLease(known: SubnetLease | undefined, lease: SubnetLease): boolean {
  return known !== undefined && formatLeaseValue(known.attributes) === formatLeaseValue(lease.attributes);
}
