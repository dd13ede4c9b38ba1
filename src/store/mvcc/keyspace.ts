/**
 * The multi-version keyspace: index, recent past and records together, and the two revisions that bound what can be read.
 * Everything that changes a key goes through a `Revision` opened here (mvcc/revision.ts), one at a time.
 */
import { assert } from "../../base/assert.ts";
import { emptyBytes, toLatin1 } from "../../base/bytes.ts";
import type { LeaseId } from "../../base/ids.ts";
import { KvError } from "../errors.ts";
import type { StoreRecords, StoreWrite } from "../storage.ts";
import { revisionKey, revisionOf } from "../tables.ts";
import { KeyIndex } from "./key-index.ts";
import type { KvPieces } from "./kv-pieces.ts";
import { type Pin, Pins } from "./pins.ts";
import { Recent, type RecentOptions } from "./recent.ts";
import { type Change, decodeChange, withoutValue } from "./record.ts";
import { appendRows } from "./revision-rows.ts";
import { RowScan } from "./row-scan.ts";

/** Main revision of an empty store (etcd.md 4.1). */
export const firstRevision = 1;

/** What a range is filtered and sorted by. */
export interface Facts {
  readonly created: number;
  readonly version: number;
  readonly value: Uint8Array;
}

const noFacts: Facts = { created: 0, version: 0, value: emptyBytes };

export class Keyspace {
  readonly index: KeyIndex = new KeyIndex();
  readonly #records: StoreRecords;
  readonly #recent: Recent;
  readonly #scan = new RowScan();
  /** Revisions that are being read in steps. */
  readonly pins: Pins;
  /** The newest revision; the header of every answer. */
  revision: number = firstRevision;
  /** Reads below are refused. 0: never compacted. */
  compactRevision = 0;
  /** The batch that apply is filling, and the first revision in it: not yet readable through records. */
  #batch: readonly StoreWrite[] | null = null;
  #batchFrom: number = firstRevision + 1;

  /** `unpinned` is called when a reader in steps has finished: compaction may go on. */
  constructor(
    options: RecentOptions,
    modules: { records: StoreRecords; unpinned?: (() => void) | undefined },
  ) {
    this.#records = modules.records;
    this.pins = new Pins({ ended: modules.unpinned ?? (() => {}) });
    this.#recent = new Recent(options);
    this.#recent.reset(firstRevision + 1);
  }

  /** Forgets everything, before other rows are loaded. */
  reset(): void {
    this.index.clear();
    this.pins.reset();
    this.revision = firstRevision;
    this.compactRevision = 0;
    this.#batch = null;
    this.#recent.reset(firstRevision + 1);
  }

  /** Takes one row of the revision table; rows come in key order. Returns what the lease table wants to know of it. */
  load(key: Uint8Array, row: Uint8Array): { readonly name: string; readonly lease: LeaseId | 0n } {
    const { main, sub } = revisionOf(key);
    const scan = this.#scan;
    scan.scan(row);
    const name = toLatin1(row.subarray(scan.keyFrom, scan.keyTo));
    this.index.restore(name, { main, sub, valueBytes: scan.valueBytes }, scan);
    this.revision = Math.max(this.revision, main);
    return { name, lease: scan.hasLease ? (decodeChange(row).change.kv.lease as LeaseId) : 0n };
  }

  /** All rows are in. */
  loaded(): void {
    this.#batchFrom = this.revision + 1;
    this.#recent.reset(this.revision + 1);
  }

  /**
   * Tells which array the writes of the next apply go to. Rows of a former array must be readable through records by now;
   * until then their changes are kept here.
   */
  useBatch(writes: readonly StoreWrite[]): void {
    if (this.#batch === writes && writes.length > 0) return;
    this.#batch = writes;
    this.#batchFrom = this.revision + 1;
  }

  /** Opens the next revision. Its changes are visible to `read` at once. */
  open(): { main: number; changes: Change[] } {
    const main = this.revision + 1;
    return { main, changes: this.#recent.open(main) };
  }

  /** Ends the opened revision: becomes history if something changed, else it never was. */
  close(main: number, changes: readonly Change[], writes: StoreWrite[]): void {
    if (changes.length === 0) {
      this.#recent.discard();
      return;
    }
    this.revision = main;
    const bytes = this.#recent.close(this.#batchFrom);
    appendRows({ main, changes, bytes }, writes);
  }

  /** One change. It must exist: the index named it. */
  read(main: number, sub: number): Change {
    const held = this.#recent.get(main)?.[sub];
    if (held !== undefined) return held;
    const row = this.#records.get(revisionKey(main, sub));
    assert(row !== undefined, "a change that the key index names is in the records");
    return decodeChange(row).change;
  }

  /** What a put says beside its key and where it is; zeros, if the row is not to be read. */
  facts(main: number, sub: number, fromRow: boolean): Facts {
    if (!fromRow) return noFacts;
    const held = this.#recent.get(main)?.[sub];
    if (held !== undefined) {
      const { create_revision, version, value } = held.kv;
      return { created: create_revision, version, value };
    }
    const row = this.#records.get(revisionKey(main, sub));
    assert(row !== undefined, "a change that the key index names is in the records");
    this.#scan.scan(row);
    const { created, version, valueFrom, valueTo } = this.#scan;
    return { created, version, value: row.subarray(valueFrom, valueTo) };
  }

  /** Adds the key-value of one change, which must be a put, to an answer. Returns its bytes. */
  encode(main: number, sub: number, keysOnly: boolean, pieces: KvPieces): number {
    const held = this.#recent.get(main)?.[sub];
    if (held !== undefined) return pieces.add(keysOnly ? withoutValue(held.kv) : held.kv);
    const row = this.#records.get(revisionKey(main, sub));
    assert(row !== undefined, "a change that the key index names is in the records");
    this.#scan.scan(row);
    return pieces.addRow(this.#scan, keysOnly);
  }

  /** Keeps what can be read at `revision` until the pin ends. */
  pin(revision: number): Pin {
    return this.pins.add(revision);
  }

  /** For a reader that holds nothing: a check, to be made before each step, that `revision` can still be read. */
  reader(revision: number): () => void {
    const checkState = this.pins.sameState();
    return () => {
      checkState();
      if (revision < this.compactRevision) throw new KvError("kv.compacted");
    };
  }

  /** Whether `changesOf(main)` answers from memory. */
  remembers(main: number): boolean {
    return main >= this.#recent.first;
  }

  /** All changes of a revision in order. Complete for every revision from compactRevision on. */
  changesOf(main: number): readonly Change[] {
    const held = this.#recent.get(main);
    if (held !== undefined) return held;
    const changes: Change[] = [];
    if (main <= firstRevision) return changes;
    for (let sub = 0; ; sub++) {
      const row = this.#records.get(revisionKey(main, sub));
      assert(row !== undefined, "history from the compact revision on has no gaps");
      const { change, last } = decodeChange(row);
      changes.push(change);
      if (last) return changes;
    }
  }

  /** The key's pair just before revision `main`, or null: it was absent, or compaction took it. */
  before(name: string, main: number): Change | null {
    const at = this.index.at(name, main - 1);
    return at === null ? null : this.read(at.main, at.sub);
  }
}
