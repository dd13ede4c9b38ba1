/**
 * The subnet manager's effects on the store, each as one call that answers with the manager's event (flannel.md 2, "v3
 * operations"). An error of the store becomes `failed`; nothing is thrown.
 */
import { prefixEnd, utf8 } from "../../base/bytes.ts";
import { messageOf } from "../../base/errors.ts";
import { LeaseId } from "../../base/ids.ts";
import type { SubnetLease } from "../../network/lease.ts";
import { parseLeaseRecord } from "../../network/lease-set.ts";
import type { SubnetEffect } from "../../network/subnet-manager.ts";
import type { KvClient } from "../../store/kv.ts";
import type { NetworkKeys } from "./keys.ts";

/** What a call came to: the manager's event without what only the shell knows. */
export type StoreOutcome =
  | { readonly type: "listed"; readonly leases: readonly SubnetLease[] }
  | { readonly type: "written"; readonly modRevision: number; readonly storeLease: LeaseId }
  | { readonly type: "deleted" }
  | { readonly type: "conflict" }
  | { readonly type: "failed"; readonly problem: string };

export type StoreEffect = Extract<SubnetEffect, { type: "list" | "create" | "overwrite" | "delete" }>;

/** Numbers of etcd's Compare (etcd.md 3): equal; by version, by revision of the last write. */
const equal = 0;
const target = { version: 0, mod: 2 } as const;

/** Store leases remembered as granted here. More than one is not in use at a time; the rest are writes that went astray. */
const grantedMax = 16;

export class LeaseStore {
  readonly #keys: NetworkKeys;
  readonly #kv: KvClient;
  readonly #signal: AbortSignal;
  /** Store leases that this process granted and has not given back: nobody else's keys are on them. Oldest first. */
  readonly #granted = new Set<LeaseId>();

  constructor(options: { keys: NetworkKeys; signal: AbortSignal }, modules: { kv: KvClient }) {
    this.#keys = options.keys;
    this.#signal = options.signal;
    this.#kv = modules.kv;
  }

  async run(effect: StoreEffect): Promise<StoreOutcome> {
    try {
      if (effect.type === "list") return await this.#list();
      if (effect.type === "delete") return await this.#delete(effect);
      return await this.#write(effect);
    } catch (error) {
      return { type: "failed", problem: messageOf(error) };
    }
  }

  async #list(): Promise<StoreOutcome> {
    const key = this.#keys.leases;
    const { kvs } = await this.#kv.range({ key, range_end: prefixEnd(key) }, { signal: this.#signal });
    const records = kvs.map((kv) => this.#keys.record(kv)).filter((record) => record !== null);
    return { type: "listed", leases: records.map(parseLeaseRecord).filter((lease) => lease !== null) };
  }

  async #delete(effect: StoreEffect & { type: "delete" }): Promise<StoreOutcome> {
    const key = this.#keys.lease(effect.name);
    const compare = [{ key, result: equal, target: target.mod, mod_revision: effect.modRevision }];
    const success = [{ request_delete_range: { key } }];
    const { succeeded } = await this.#kv.txn({ compare, success }, { signal: this.#signal });
    return { type: succeeded ? "deleted" : "conflict" };
  }

  /**
   * Grants, then writes if the key is as expected. After a lost write the new store lease is given back; after an
   * overwrite the old one, which no key needs any more, if it was granted here: one that the key was found with may hold keys
   * of others, who would lose them. Not giving one back costs a keyless lease of a day.
   */
  async #write(effect: StoreEffect & { type: "create" | "overwrite" }): Promise<StoreOutcome> {
    const key = this.#keys.lease(effect.name);
    const storeLease = effect.ttlSeconds === null ? LeaseId(0n) : await this.#grant(effect.ttlSeconds);
    const expected =
      effect.type === "create"
        ? { target: target.version, version: 0 }
        : { target: target.mod, mod_revision: effect.modRevision };
    const success = [{ request_put: { key, value: utf8.encode(effect.value), lease: storeLease } }];
    const compare = [{ key, result: equal, ...expected }];
    const { succeeded, header } = await this.#kv.txn({ compare, success }, { signal: this.#signal });
    const surplus = succeeded ? (effect.type === "overwrite" ? effect.replaces : LeaseId(0n)) : storeLease;
    if (this.#granted.delete(surplus))
      await this.#kv.leaseRevoke({ ID: surplus }, { signal: this.#signal }).catch(() => {});
    return succeeded
      ? { type: "written", modRevision: header?.revision ?? 0, storeLease }
      : { type: "conflict" };
  }

  async #grant(ttlSeconds: number): Promise<LeaseId> {
    const { ID } = await this.#kv.leaseGrant({ TTL: ttlSeconds }, { signal: this.#signal });
    const granted = LeaseId(ID);
    for (const oldest of this.#granted) {
      if (this.#granted.size < grantedMax) break;
      this.#granted.delete(oldest);
    }
    this.#granted.add(granted);
    return granted;
  }
}
