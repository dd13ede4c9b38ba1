/**
 * Leases as replicated state (etcd.md 6): what was granted, which keys hang on it, and what remained at the last checkpoint.
 * Time is not in here: deadlines are the leader's and live in lease-clock.ts. Attachments are not stored; they are what the
 * live keys say, and are rebuilt from them.
 */
import type { LeaseId } from "../../base/ids.ts";
import type { StoreWrite } from "../storage.ts";
import { idKey, Table } from "../tables.ts";
import { id64, int64, message } from "../wire/protobuf.ts";

/** A stored lease. */
export const LeaseRecord = message({ ID: id64(1), TTL: int64(2), remaining_ms: int64(3) });

export interface Lease {
  readonly id: LeaseId;
  readonly ttlSeconds: number;
  /** What remained when it was last checkpointed; 0: the full TTL. */
  remainingMs: number;
  /** Names of the attached keys. */
  readonly keys: Set<string>;
}

/** Told of leases that come, go or are checkpointed, so that the leader's clock can follow. */
export interface LeaseObserver {
  granted(lease: Lease): void;
  removed(id: LeaseId): void;
  checkpointed(lease: Lease): void;
}

export class LeaseTable {
  readonly #leases = new Map<LeaseId, Lease>();
  readonly #leaseOfKey = new Map<string, Lease>();
  readonly #observer: LeaseObserver;

  constructor(modules: { observer: LeaseObserver }) {
    this.#observer = modules.observer;
  }

  get size(): number {
    return this.#leases.size;
  }

  get(id: LeaseId): Lease | undefined {
    return this.#leases.get(id);
  }

  values(): Iterable<Lease> {
    return this.#leases.values();
  }

  /** The lease that a live key is attached to; 0n for none. */
  leaseOf(name: string): LeaseId | 0n {
    return this.#leaseOfKey.get(name)?.id ?? 0n;
  }

  /** The id must be free. */
  grant(id: LeaseId, ttlSeconds: number, writes: StoreWrite[]): void {
    const lease: Lease = { id, ttlSeconds, remainingMs: 0, keys: new Set() };
    this.#leases.set(id, lease);
    writes.push(rowOf(lease));
    this.#observer.granted(lease);
  }

  /** Removes the lease itself; its keys must have been deleted or detached before. */
  remove(id: LeaseId, writes: StoreWrite[]): void {
    this.#leases.delete(id);
    writes.push({ type: "del", key: idKey(Table.lease, id) });
    this.#observer.removed(id);
  }

  /** Attaches the key to `id` instead of what it was attached to; 0n detaches. An unknown lease is ignored: see `load`. */
  attach(name: string, id: LeaseId | 0n): void {
    const former = this.#leaseOfKey.get(name);
    if (former?.id === id) return;
    if (former !== undefined) {
      former.keys.delete(name);
      this.#leaseOfKey.delete(name);
    }
    if (id === 0n) return;
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    lease.keys.add(name);
    this.#leaseOfKey.set(name, lease);
  }

  /** Detaches all keys of a lease that is about to be removed, and gives their names, sorted. */
  detachAll(id: LeaseId): string[] {
    const { keys } = this.#leases.get(id)!;
    const names = [...keys].sort();
    for (const name of names) this.#leaseOfKey.delete(name);
    keys.clear();
    return names;
  }

  /** Notes what remains of a lease; 0 or less, or more than the TTL, means all of it. Unknown ids are skipped. */
  checkpoint(id: LeaseId, remainingMs: number, writes: StoreWrite[]): void {
    const lease = this.#leases.get(id);
    if (lease === undefined) return;
    lease.remainingMs = remainingMs > 0 && remainingMs < lease.ttlSeconds * 1000 ? remainingMs : 0;
    writes.push(rowOf(lease));
    this.#observer.checkpointed(lease);
  }

  /** Takes one row of the lease table. Rows of keys come later and call `attach`, in the order of history. */
  load(row: Uint8Array): void {
    const { ID, TTL, remaining_ms } = LeaseRecord.decode(row);
    const id = ID as LeaseId;
    this.#leases.set(id, { id, ttlSeconds: TTL, remainingMs: remaining_ms, keys: new Set() });
  }

  reset(): void {
    for (const id of this.#leases.keys()) this.#observer.removed(id);
    this.#leases.clear();
    this.#leaseOfKey.clear();
  }
}

function rowOf(lease: Lease): StoreWrite {
  const value = LeaseRecord.encode({ ID: lease.id, TTL: lease.ttlSeconds, remaining_ms: lease.remainingMs });
  return { type: "put", key: idKey(Table.lease, lease.id), value };
}
