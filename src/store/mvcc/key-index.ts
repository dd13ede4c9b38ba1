/**
 * Key index: for every key, where in history its versions are. In memory, since every read starts here; values stay in the
 * records. This file is what the rest of the store sees; the order is key-tree.ts, one key's part key-leaf.ts and, for keys
 * with a past, generation.ts.
 *
 * Worked example, one key, (main, sub) written main.sub:
 *
 *   put 2.0, put 5.0, delete 6.0, put 8.0        generations, newest first:  {8.0}   {2.0 5.0 6.0 ended}
 *   at 5 -> 5.0    at 6 -> none (deleted)    at 7 -> none    at 9 -> 8.0
 *
 *   compact 5   {8.0} {5.0 6.0 ended}            2.0 dropped: 5.0 answers every read from 5 on
 *   compact 6   {8.0} {6.0 ended}                the tombstone at exactly 6 stays: a watch may start at 6
 *   compact 7   {8.0}                            nothing before 8 can be seen any more
 *   compact 9   {8.0}                            the newest put stays, however old
 */
import { assert } from "../../base/assert.ts";
import type { Interval } from "../interval.ts";
import { type Position, revisionKeyBytes } from "../tables.ts";
import type { Live, Mark } from "./key-leaf.ts";
import { KeyTree } from "./key-tree.ts";

export type { Live } from "./key-leaf.ts";

/** "The present": larger than every revision. */
export const latest: number = Number.MAX_SAFE_INTEGER;

/** What a row is counted for beside its row key, the key's name and the value: field tags, revisions, the storage's own. */
const rowOverheadBytes = 32;
/** A count that is not to stop. */
const allLeaves = Number.MAX_SAFE_INTEGER;

export class KeyIndex {
  readonly #tree = new KeyTree();
  #bytes = 0;

  /** Keys with any history, deleted ones included. */
  get size(): number {
    return this.#tree.size;
  }

  /** Keys that exist at present. */
  get liveKeys(): number {
    return this.#tree.live;
  }

  /**
   * What the changes that the index knows take in storage, by an account that all members keep alike: per row its key, the
   * key's name, the value and a fixed overhead. Compaction lowers it.
   */
  get bytes(): number {
    return this.#bytes;
  }

  clear(): void {
    this.#tree.clear();
    this.#bytes = 0;
  }

  /** Records a put that just happened and tells what the key is now. */
  put(name: string, mark: Mark): Live {
    this.#bytes += rowBytes(name, mark.valueBytes);
    const leaf = this.#tree.leafOf(name);
    const at = leaf.names.lowerBound(name);
    const { main, sub } = mark;
    if (!leaf.holds(at, name)) {
      leaf.insert(at, name, mark, main, 1);
      this.#tree.noted(leaf, main, 1);
      this.#tree.inserted(leaf, at);
      return { main, sub, created: main, version: 1 };
    }
    const isNew = !leaf.isLive(at);
    if (isNew) leaf.begin(at, mark, { created: main, version: 1, ended: false });
    else leaf.extend(at, mark);
    this.#tree.noted(leaf, main, isNew ? 1 : 0);
    return leaf.liveOf(at);
  }

  /** Records a deletion that just happened. The key must be live. */
  tombstone(name: string, at: Position): void {
    this.tombstones([name], at);
  }

  /**
   * Records deletions that just happened together, the first of them at the given place. The names are sorted, and all are
   * live. Names that follow each other are mostly neighbours in a leaf, so only the first of each leaf is searched for.
   */
  tombstones(names: readonly string[], { main, sub }: Position): void {
    for (let i = 0; i < names.length; ) {
      const leaf = this.#tree.leafOf(names[i]!);
      let at = leaf.find(names[i]!);
      assert(at >= 0, "only a key that was put is deleted");
      const first = i;
      for (; i < names.length; i++) {
        const name = names[i]!;
        // A name that is the same string is found equal at once; comparing looks at all of it.
        while (at < leaf.size && leaf.names.at(at) !== name && leaf.names.at(at) < name) at++;
        if (!leaf.holds(at, name)) break;
        this.#bytes += rowBytes(name, 0);
        leaf.end(at, { main, sub: sub + i, valueBytes: 0 });
      }
      this.#tree.noted(leaf, main, first - i);
    }
  }

  /** Rebuilds from a stored change. Changes come in the order of history. */
  restore(name: string, mark: Mark, change: { deleted: boolean; created: number; version: number }): void {
    this.#bytes += rowBytes(name, mark.valueBytes);
    const leaf = this.#tree.leafOf(name);
    const at = leaf.names.lowerBound(name);
    const { created, version, deleted } = change;
    if (!leaf.holds(at, name)) {
      // A tombstone whose puts are gone already: compaction kept it, or was interrupted before it.
      if (deleted) leaf.insertEnded(at, name, mark);
      else leaf.insert(at, name, mark, created, version);
      this.#tree.noted(leaf, mark.main, deleted ? 0 : 1);
      this.#tree.inserted(leaf, at);
      return;
    }
    const wasLive = leaf.isLive(at);
    if (wasLive && deleted) leaf.end(at, mark);
    else if (wasLive && leaf.liveOf(at).created === created) leaf.extend(at, mark, version);
    else if (deleted) leaf.begin(at, mark, { created: mark.main, version: 0, ended: true });
    else leaf.begin(at, mark, { created, version, ended: false });
    this.#tree.noted(leaf, mark.main, (deleted ? 0 : 1) - (wasLive ? 1 : 0));
  }

  /** What the key is at present, or null. */
  live(name: string): Live | null {
    const leaf = this.#tree.leafOf(name);
    const at = leaf.find(name);
    return at >= 0 && leaf.isLive(at) ? leaf.liveOf(at) : null;
  }

  /** Where the key's value at `revision` is, or null if it was absent. */
  at(name: string, revision: number): Position | null {
    const leaf = this.#tree.leafOf(name);
    const at = leaf.find(name);
    return at < 0 ? null : leaf.positionAt(at, revision);
  }

  /**
   * Visits the keys that existed at `revision`, in key order, until `visit` returns false. The index may not change
   * meanwhile; a walk that is to go on later begins anew behind the last key it saw.
   */
  walk(interval: Interval, revision: number, visit: (name: string, at: Position) => boolean): void {
    this.#tree.walk(interval, (leaf, at) => {
      const position = leaf.positionAt(at, revision);
      return position === null || visit(leaf.names.at(at), position);
    });
  }

  /** The keys that exist at present, in order. */
  names(interval: Interval): string[] {
    const names: string[] = [];
    this.#tree.walk(interval, (leaf, at) => {
      if (leaf.isLive(at)) names.push(leaf.names.at(at));
      return true;
    });
    return names;
  }

  /**
   * A walk for up to `keysMax` keys, those that did not exist included. Returns where the rest begins, or null at the
   * end; `visit` returning false ends it behind that key.
   */
  walkSome(
    interval: Interval,
    revision: number,
    keysMax: number,
    visit: (at: Position) => boolean,
  ): string | null {
    let left = keysMax;
    let resume: string | null = null;
    this.#tree.walk(interval, (leaf, at) => {
      if (left-- === 0) {
        resume = leaf.names.at(at);
        return false;
      }
      const position = leaf.positionAt(at, revision);
      if (position === null || visit(position)) return true;
      resume = `${leaf.names.at(at)}\0`;
      return false;
    });
    return resume;
  }

  /** Number of keys in the interval that existed at `revision`. */
  count(interval: Interval, revision: number): number {
    return this.#tree.count(interval, revision, allLeaves).count;
  }

  /** The same in parts: `resume` is where the rest begins, null at the end. Looks at about `keysMax` keys. */
  countSome(
    interval: Interval,
    revision: number,
    keysMax: number,
  ): { readonly count: number; readonly resume: string | null } {
    return this.#tree.count(interval, revision, Math.ceil(keysMax / keysPerLeaf));
  }

  /**
   * Forgets what a compaction at `revision` hides, for up to `keysMax` keys after `from` (null: from the start). Tells
   * `drop` which changes are no longer needed, oldest first per key. Returns the last key seen, or null at the end.
   */
  compact(
    revision: number,
    from: string | null,
    keysMax: number,
    drop: (main: number, sub: number) => void,
  ): string | null {
    let cursor = from;
    for (let left = keysMax; left > 0; ) {
      const next = this.#tree.nextAfter(cursor);
      if (next === null) return null;
      const leaf = this.#tree.leafOf(next);
      const before = leaf.size;
      let at = leaf.find(next);
      for (; at < leaf.size && left > 0; left--) {
        const name = leaf.names.at(at);
        cursor = name;
        const kept = leaf.compact(at, revision, (main, sub, valueBytes) => {
          this.#bytes -= rowBytes(name, valueBytes);
          drop(main, sub);
        });
        if (kept) at += 1;
        else leaf.remove(at);
      }
      if (leaf.size < before) this.#tree.removed(leaf, before - leaf.size);
    }
    return cursor;
  }

  /** Visits, per key, the changes that a finished compaction at `revision` would keep, whether or not it ran. */
  forEachKept(revision: number, visit: (name: string, main: number, sub: number) => void): void {
    this.#tree.walk({ low: "", high: null }, (leaf, at) => {
      leaf.forEachKept(at, revision, (main, sub) => visit(leaf.names.at(at), main, sub));
      return true;
    });
  }
}

/** Keys of a leaf, about: leaves are between half full and full. */
const keysPerLeaf = 48;

function rowBytes(name: string, valueBytes: number): number {
  return revisionKeyBytes + rowOverheadBytes + name.length + valueBytes;
}
