/**
 * One revision in the making: puts and deletions of one command, which become visible to each other at once and to everyone
 * else together (etcd.md 4.1). Decisions that can refuse are made before the first change; nothing here throws KvError
 * except what `Evaluation` has checked before.
 */

import { emptyBytes, fromLatin1, toLatin1 } from "../../base/bytes.ts";
import type { LeaseId } from "../../base/ids.ts";
import { headerOf } from "../header.ts";
import { type Interval, intervalOf } from "../interval.ts";
import type { LeaseTable } from "../lease/lease-table.ts";
import type { StoreWrite } from "../storage.ts";
import type * as wire from "../wire/messages.ts";
import { latest } from "./key-index.ts";
import type { Keyspace } from "./keyspace.ts";
import type { Change } from "./record.ts";

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
    const before = this.#keyspace.index.live(name);
    const previous =
      before !== null && (request.prev_kv || request.ignore_value)
        ? this.#keyspace.read(before.main, before.sub).kv
        : undefined;
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
    const { names, pairs } = this.#find(interval, request.prev_kv);
    for (const name of names) this.delete(name);
    return { header: headerOf(this.revision), deleted: names.length, prev_kvs: pairs };
  }

  /** The key must be live. */
  delete(name: string): void {
    this.#keyspace.index.tombstone(name, { main: this.#main, sub: this.#changes.length });
    const kv: wire.KeyValue = {
      key: fromLatin1(name),
      create_revision: 0,
      mod_revision: this.#main,
      version: 0,
      value: emptyBytes,
      lease: 0n,
    };
    this.#changes.push({ name, kv, deleted: true });
    this.#leases.attach(name, 0n);
  }

  /** Ends the revision: appends its rows, or leaves no trace if nothing changed. */
  close(writes: StoreWrite[]): void {
    this.#keyspace.close(this.#main, this.#changes, writes);
  }

  #find(interval: Interval, withPairs: boolean): { names: string[]; pairs: wire.KeyValue[] } {
    const names: string[] = [];
    const pairs: wire.KeyValue[] = [];
    this.#keyspace.index.walk(interval, latest, (name, at) => {
      names.push(name);
      if (withPairs) pairs.push(this.#keyspace.read(at.main, at.sub).kv);
      return true;
    });
    return { names, pairs };
  }
}
