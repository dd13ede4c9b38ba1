/**
 * One revision in the making: puts and deletions of one command, which become visible to each other at once and to everyone
 * else together (etcd.md 4.1). Decisions that can refuse are made before the first change; nothing here throws KvError
 * except what `Evaluation` has checked before.
 */

import { toLatin1 } from "../../base/bytes.ts";
import type { LeaseId } from "../../base/ids.ts";
import { headerOf } from "../header.ts";
import { type Interval, intervalOf } from "../interval.ts";
import type { LeaseTable } from "../lease/lease-table.ts";
import type { StoreWrite } from "../storage.ts";
import type * as wire from "../wire/messages.ts";
import { latest } from "./key-index.ts";
import type { Keyspace } from "./keyspace.ts";
import { type Change, Deletion } from "./record.ts";

export class Revision {
  readonly #keyspace: Keyspace;
  readonly #leases: LeaseTable;
  readonly #main: number;
  readonly #changes: Change[];

  constructor(modules: { keyspace: Keyspace; leases: LeaseTable }) {
    this.#keyspace = modules.keyspace;
    this.#leases = modules.leases;
    const { main, changes } = this.#keyspace.open();
    this.#main = main;
    this.#changes = changes;
  }

  /** What the header of an answer given now says. */
  get revision(): number {
    return this.#changes.length > 0 ? this.#main : this.#main - 1;
  }

  put(request: wire.PutRequest): wire.PutResponse {
    const name = toLatin1(request.key);
    const previous = request.prev_kv || request.ignore_value ? this.#live(name) : undefined;
    const value = request.ignore_value ? previous!.value : request.value;
    const lease = request.ignore_lease ? this.#leases.leaseOf(name) : request.lease;
    const now = this.#keyspace.index.put(name, {
      main: this.#main,
      sub: this.#changes.length,
      valueBytes: value.length,
    });
    const kv: wire.KeyValue = {
      key: request.key,
      create_revision: now.created,
      mod_revision: this.#main,
      version: now.version,
      value,
      lease,
    };
    this.#changes.push({ name, kv, deleted: false });
    this.#leases.attach(name, lease as LeaseId | 0n);
    return { header: headerOf(this.#main), prev_kv: request.prev_kv ? previous : undefined };
  }

  deleteRange(request: wire.DeleteRangeRequest): wire.DeleteRangeResponse {
    const interval = intervalOf(request.key, request.range_end);
    const { index } = this.#keyspace;
    const { names, pairs } = request.prev_kv
      ? this.#find(interval)
      : { names: index.names(interval), pairs: [] };
    this.deleteAll(names);
    for (const name of names) this.#leases.attach(name, 0n);
    return { header: headerOf(this.revision), deleted: names.length, prev_kvs: pairs };
  }

  /** Sorted keys, all of them live. Detaching them from their leases is left to the caller. */
  deleteAll(names: readonly string[]): void {
    this.#keyspace.index.tombstones(names, { main: this.#main, sub: this.#changes.length });
    for (const name of names) this.#changes.push(new Deletion(name, this.#main));
  }

  /** Ends the revision: appends its rows, or leaves no trace if nothing changed. */
  close(writes: StoreWrite[]): void {
    this.#keyspace.close(this.#main, this.#changes, writes);
  }

  #live(name: string): wire.KeyValue | undefined {
    const at = this.#keyspace.index.live(name);
    return at === null ? undefined : this.#keyspace.read(at.main, at.sub).kv;
  }

  #find(interval: Interval): { names: string[]; pairs: wire.KeyValue[] } {
    const names: string[] = [];
    const pairs: wire.KeyValue[] = [];
    this.#keyspace.index.walk(interval, latest, (name, at) => {
      names.push(name);
      pairs.push(this.#keyspace.read(at.main, at.sub).kv);
      return true;
    });
    return { names, pairs };
  }
}
