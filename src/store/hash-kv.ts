/**
 * HashKV (etcd.md 4.7): one number for the key history up to a revision, the same as etcd's for the same history. The rows of
 * storage are poured in, in order and whole, by whoever can read them without holding the loop; they may still hold what
 * compaction will take away, since this decides by the key index what counts:
 *
 *     compacted <- C | C + 1 ... revision    every change, tombstones included
 *                    | up to C               only a put that is still what its key holds at the hashed revision
 *
 * A detail of etcd's: when no key exists at the hashed revision, nothing at or below C is left out of what compaction kept.
 * Both sums are carried until the first key is found to exist.
 */
import { toLatin1 } from "../base/bytes.ts";
import { crc32c } from "../base/crc32c.ts";
import { KvError } from "./errors.ts";
import type { Keyspace } from "./mvcc/keyspace.ts";
import type { Pin } from "./mvcc/pins.ts";
import { RowScan } from "./mvcc/row-scan.ts";
import { revisionKeyBytes, revisionOf, Table } from "./tables.ts";
import { KeyValue } from "./wire/messages.ts";

export interface KvDigest {
  readonly hash: number;
  /** What was compacted when the sum was begun; -1, as etcd has it, where nothing ever was. */
  readonly compactRevision: number;
  /** The revision that was hashed. */
  readonly hashRevision: number;
}

/** The name of etcd's bucket begins the sum. */
const bucketName = Buffer.from("key");
/** etcd's key of a change: main, "_", sub; and a "t" for a tombstone. */
const etcdKeyBytes = 17;
const underscore = 0x5f;
const tombstoneMark = 0x74;

export class KvHasher {
  readonly #keyspace: Keyspace;
  readonly #pin: Pin;
  readonly #compactRevision: number;
  readonly #revision: number;
  readonly #scan = new RowScan();
  readonly #key: Buffer = Buffer.alloc(etcdKeyBytes + 1);
  #hash: number = crc32c(0, bucketName);
  /** The sum in case that no key exists at the hashed revision; null once one was found. */
  #hashOfNone: number | null = this.#hash;

  /** Revision 0 is the present one. Throws `kv.compacted` or `kv.future-revision`. To be closed. */
  constructor(options: { readonly revision: number }, modules: { readonly keyspace: Keyspace }) {
    const { keyspace } = modules;
    if (options.revision > keyspace.revision) throw new KvError("kv.future-revision");
    if (options.revision > 0 && options.revision < keyspace.compactRevision)
      throw new KvError("kv.compacted");
    this.#keyspace = keyspace;
    this.#compactRevision = keyspace.compactRevision;
    this.#revision = options.revision > 0 ? options.revision : keyspace.revision;
    // So that rows and index go on to agree about what a compaction at this revision leaves.
    this.#pin = keyspace.pin(this.#compactRevision);
  }

  /** The next rows, in key order; of other tables, too. Throws `kv.unavailable` once a snapshot replaced the state. */
  add(rows: Iterable<readonly [Uint8Array, Uint8Array]>): void {
    this.#pin.check();
    for (const [key, row] of rows) {
      if (key[0] === Table.revision && key.length === revisionKeyBytes) this.#addChange(key, row);
    }
  }

  /** All rows are in. */
  digest(): KvDigest {
    const hash = this.#hashOfNone ?? this.#hash;
    return { hash, compactRevision: this.#compactRevision || -1, hashRevision: this.#revision };
  }

  close(): void {
    this.#pin.end();
  }

  #addChange(key: Uint8Array, row: Uint8Array): void {
    const { main, sub } = revisionOf(key);
    if (main > this.#revision) return;
    const scan = this.#scan;
    scan.scan(row);
    const isAfter = main > this.#compactRevision;
    // What exists is looked up for what compaction has passed, and until one key was found.
    const counts = isAfter && this.#hashOfNone === null ? true : this.#holds(this.#revision, main, sub);
    if (counts) this.#hashOfNone = null;
    if (isAfter || counts) this.#hash = this.#sum(this.#hash, key);
    if (this.#hashOfNone !== null && (isAfter || this.#holds(this.#compactRevision, main, sub)))
      this.#hashOfNone = this.#sum(this.#hashOfNone, key);
  }

  /** Whether the scanned change is what its key holds at `revision`. */
  #holds(revision: number, main: number, sub: number): boolean {
    const { row, keyFrom, keyTo, deleted } = this.#scan;
    if (deleted) return false;
    const at = this.#keyspace.index.at(toLatin1(row.subarray(keyFrom, keyTo)), revision);
    return at !== null && at.main === main && at.sub === sub;
  }

  #sum(hash: number, key: Uint8Array): number {
    const { row, keyFrom, keyTo, kvEnd, deleted } = this.#scan;
    this.#key.set(key.subarray(1, 9), 0);
    this.#key[8] = underscore;
    this.#key.set(key.subarray(9, 17), 9);
    if (!deleted) return crc32c(crc32c(hash, this.#key.subarray(0, etcdKeyBytes)), row.subarray(0, kvEnd));
    this.#key[etcdKeyBytes] = tombstoneMark;
    // etcd stores nothing of a tombstone but its key.
    const body = KeyValue.encode({ key: row.subarray(keyFrom, keyTo) });
    return crc32c(crc32c(hash, this.#key), body);
  }
}
