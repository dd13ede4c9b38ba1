/**
 * Key index: for every key, where in history its versions are. In memory, since every read starts here; values stay in the
 * records.
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
import { createOrderedMap, type OrderedMap } from "../ordered-map.ts";
import type { Position } from "../tables.ts";
import { copyOf, createGeneration, dropBelow, type Generation, liveAt } from "./generation.ts";

/** What a key is at present, as far as the index knows; the value and the lease are elsewhere. */
export interface Live extends Position {
  /** Main revision of the put that created the present generation. */
  readonly created: number;
  /** Puts in the present generation, compacted ones included. */
  readonly version: number;
}

/** "The present": larger than every revision. */
export const latest: number = Number.MAX_SAFE_INTEGER;

export class KeyIndex {
  readonly #tree: OrderedMap<Generation> = createOrderedMap();

  /** Keys with any history, deleted ones included. */
  get size(): number {
    return this.#tree.size;
  }

  clear(): void {
    this.#tree.clear();
  }

  /** Records a put that just happened and tells what the key is now. */
  put(name: string, main: number, sub: number): Live {
    const newest = this.#tree.get(name);
    if (newest === undefined || newest.ended) {
      this.#tree.set(name, createGeneration({ created: main, version: 1, main, sub, older: newest ?? null }));
      return { main, sub, created: main, version: 1 };
    }
    newest.marks.push(main, sub);
    newest.version += 1;
    return { main, sub, created: newest.created, version: newest.version };
  }

  /** Records a deletion that just happened. The key must be live. */
  tombstone(name: string, main: number, sub: number): void {
    const newest = this.#tree.get(name);
    assert(newest !== undefined && !newest.ended, "only a live key is deleted");
    newest.marks.push(main, sub);
    newest.ended = true;
  }

  /** Rebuilds from a stored change. Changes come in the order of history. */
  restore(name: string, at: Position, change: { deleted: boolean; created: number; version: number }): void {
    const newest = this.#tree.get(name);
    const { main, sub } = at;
    if (newest !== undefined && !newest.ended && (change.deleted || newest.created === change.created)) {
      newest.marks.push(main, sub);
      newest.ended = change.deleted;
      if (!change.deleted) newest.version = change.version;
      return;
    }
    // A tombstone whose puts are gone already: compaction kept it, or was interrupted before it.
    const start = change.deleted ? { created: main, version: 0 } : change;
    const generation = createGeneration({ ...start, main, sub, older: newest ?? null });
    generation.ended = change.deleted;
    this.#tree.set(name, generation);
  }

  /** What the key is at present, or null. */
  live(name: string): Live | null {
    const newest = this.#tree.get(name);
    if (newest === undefined || newest.ended) return null;
    const at = newest.marks.length - 2;
    return {
      main: newest.marks[at]!,
      sub: newest.marks[at + 1]!,
      created: newest.created,
      version: newest.version,
    };
  }

  /** Where the key's value at `revision` is, or null if it was absent. */
  at(name: string, revision: number): Position | null {
    const newest = this.#tree.get(name);
    return newest === undefined ? null : liveAt(newest, revision);
  }

  /** Visits the keys that existed at `revision`, in key order, until `visit` returns false. */
  walk(interval: Interval, revision: number, visit: (name: string, at: Position) => boolean): void {
    for (const [name, newest] of this.#tree.entries(interval.low)) {
      if (interval.high !== null && name >= interval.high) return;
      const at = liveAt(newest, revision);
      if (at !== null && !visit(name, at)) return;
    }
  }

  /** Number of keys in the interval that existed at `revision`. */
  count(interval: Interval, revision: number): number {
    let count = 0;
    this.walk(interval, revision, () => {
      count += 1;
      return true;
    });
    return count;
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
    for (let count = 0; count < keysMax; count++) {
      const pair = cursor === null ? this.#tree.getPairOrNextHigher("") : this.#tree.nextHigherPair(cursor);
      if (pair === undefined) return null;
      const [name, newest] = pair;
      const kept = dropBelow(newest, revision, drop);
      if (kept === null) this.#tree.delete(name);
      cursor = name;
    }
    return cursor;
  }

  /** Visits, per key, the changes that a finished compaction at `revision` would keep, whether or not it ran. */
  forEachKept(revision: number, visit: (name: string, main: number, sub: number) => void): void {
    for (const [name, newest] of this.#tree.entries()) {
      let generation = dropBelow(copyOf(newest), revision, () => {});
      for (; generation !== null; generation = generation.older) {
        for (let i = 0; i < generation.marks.length; i += 2) {
          visit(name, generation.marks[i]!, generation.marks[i + 1]!);
        }
      }
    }
  }
}
