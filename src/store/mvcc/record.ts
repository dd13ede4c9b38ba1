/**
 * What the revision table stores for one change: etcd's KeyValue with four fields more, numbered far above those that a
 * client knows. A client skips unknown fields, so stored bytes can later be spliced into answers as they are.
 *
 * A tombstone is marked in the value and not, as in etcd, in the row key: history is read by (main, 0), (main, 1) ... and
 * one lookup per change must be enough. `last` ends that walk.
 */
import { emptyBytes, fromLatin1, toLatin1 } from "../../base/bytes.ts";
import type { KeyValue } from "../wire/messages.ts";
import { bool, bytes, id64, int64, message } from "../wire/protobuf.ts";

export const StoredKeyValue = message({
  key: bytes(1),
  create_revision: int64(2),
  mod_revision: int64(3),
  version: int64(4),
  value: bytes(5),
  lease: id64(6),
  /** True for a deletion: key and mod_revision only. */
  tombstone: bool(100),
  /** True for the last change of its revision. */
  last: bool(101),
  /** Room for the v2 view of the same key (DESIGN.md); 0 until that issue. */
  v2_created_index: int64(102),
  v2_modified_index: int64(103),
});

/** One change in memory. `name` is the key as a latin1 string; `kv` is shared with answers and never altered. */
export interface Change {
  readonly name: string;
  readonly kv: KeyValue;
  readonly deleted: boolean;
}

/** A deletion. Its key-value is made anew for who looks at it: most are only written down and forgotten. */
export class Deletion implements Change {
  readonly name: string;
  readonly #main: number;

  constructor(name: string, main: number) {
    this.name = name;
    this.#main = main;
  }

  get deleted(): true {
    return true;
  }

  get kv(): KeyValue {
    return {
      key: fromLatin1(this.name),
      create_revision: 0,
      mod_revision: this.#main,
      version: 0,
      value: emptyBytes,
      lease: 0n,
    };
  }
}

/** Bytes of the value, without making a deletion's key-value. */
export function valueBytesOf(change: Change): number {
  return change.deleted ? 0 : change.kv.value.length;
}

export function encodeChange(change: Change, last: boolean): Buffer {
  const { key, mod_revision } = change.kv;
  if (change.deleted) return StoredKeyValue.encode({ key, mod_revision, tombstone: true, last });
  return StoredKeyValue.encode({ ...change.kv, tombstone: false, last });
}

/** What a range with `keys_only` gives: everything but the value. */
export function withoutValue(kv: KeyValue): KeyValue {
  return { ...kv, value: emptyBytes };
}

/** Throws WireError if the row is damaged. */
export function decodeChange(row: Uint8Array): { change: Change; last: boolean } {
  const { key, create_revision, mod_revision, version, value, lease, tombstone, last } =
    StoredKeyValue.decode(row);
  const kv = { key, create_revision, mod_revision, version, value, lease };
  return { change: { name: toLatin1(key), kv, deleted: tombstone }, last };
}
