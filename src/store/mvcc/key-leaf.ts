/**
 * A leaf of the key tree: some neighbouring keys and what is known of each. Nearly every key has one life and one change that
 * can still be read; it costs its name and five numbers in an array that the whole leaf shares. Only a key with more past
 * than that has an object of its own, until compaction takes the past away.
 *
 *     names   ["a", "b", "c"]
 *     cells   [a: main sub created version bytes | b: unused | c: ...]
 *     pasts   null, or [null, b: {generation}, null]
 */
import { assert } from "../../base/assert.ts";
import type { Position } from "../tables.ts";
import { addMark, copyOf, type Drop, dropBelow, type Generation, liveAt, markSize } from "./generation.ts";
import { NameList } from "./name-list.ts";

/** What a key is at present, as far as the index knows; the value and the lease are elsewhere. */
export interface Live extends Position {
  /** Main revision of the put that created the present generation. */
  readonly created: number;
  /** Puts in the present generation, compacted ones included. */
  readonly version: number;
}

/** One change as the index is told of it. `valueBytes` is for the account of what is stored. */
export interface Mark extends Position {
  readonly valueBytes: number;
}

/** Numbers of one key in `cells`. */
const cellSize = 5;

export class Leaf {
  readonly type = "leaf";
  names: NameList = new NameList();
  /** Per key: main, sub, created, version, bytes of the value. Unused where the key has a past. */
  cells: number[] = [];
  /** Keys with more than one change; null while there is none in this leaf. */
  pasts: (Generation | null)[] | null = null;
  /** Keys that exist at present. */
  live = 0;
  /** Main revision of the latest change that was noted here, or more. */
  newest = 0;

  get size(): number {
    return this.names.length;
  }

  /** Index of the key, or negative. */
  find(name: string): number {
    const at = this.names.lowerBound(name);
    return this.holds(at, name) ? at : -1;
  }

  /** Whether the key at `at` is this one. */
  holds(at: number, name: string): boolean {
    return at < this.size && this.names.at(at) === name;
  }

  isLive(at: number): boolean {
    const past = this.#past(at);
    return past === null || !past.ended;
  }

  liveOf(at: number): Live {
    const past = this.#past(at);
    if (past === null) {
      const cell = at * cellSize;
      const { cells } = this;
      return {
        main: cells[cell]!,
        sub: cells[cell + 1]!,
        created: cells[cell + 2]!,
        version: cells[cell + 3]!,
      };
    }
    const mark = past.marks.length - markSize;
    return {
      main: past.marks[mark]!,
      sub: past.marks[mark + 1]!,
      created: past.created,
      version: past.version,
    };
  }

  /** Where the key's value at `revision` is, or null if it was absent. */
  positionAt(at: number, revision: number): Position | null {
    const past = this.#past(at);
    if (past !== null) return liveAt(past, revision);
    const cell = at * cellSize;
    const main = this.cells[cell]!;
    return main <= revision ? { main, sub: this.cells[cell + 1]! } : null;
  }

  /** Whether the key existed at `revision`. */
  existedAt(at: number, revision: number): boolean {
    const past = this.#past(at);
    return past === null ? this.cells[at * cellSize]! <= revision : liveAt(past, revision) !== null;
  }

  /** A key that has no history yet, at its place in the order. */
  insert(at: number, name: string, mark: Mark, created: number, version: number): void {
    this.names.insert(at, name);
    this.cells.splice(at * cellSize, 0, mark.main, mark.sub, created, version, mark.valueBytes);
    this.pasts?.splice(at, 0, null);
  }

  /** A key whose first known change is its tombstone. */
  insertEnded(at: number, name: string, { main, sub, valueBytes }: Mark): void {
    this.insert(at, name, { main, sub, valueBytes }, main, 0);
    this.#keepPast(at, {
      created: main,
      version: 0,
      marks: [main, sub, valueBytes],
      ended: true,
      older: null,
    });
  }

  /** A further put of the present generation; `version` as stored, or the next one. */
  extend(at: number, mark: Mark, version?: number): void {
    const past = this.#pastOf(at);
    addMark(past, mark);
    past.version = version ?? past.version + 1;
  }

  /** The tombstone of the present generation. */
  end(at: number, mark: Mark): void {
    const past = this.#pastOf(at);
    assert(!past.ended, "only a live key is deleted");
    addMark(past, mark);
    past.ended = true;
  }

  /** A new generation of a key that is there. */
  begin(at: number, { main, sub, valueBytes }: Mark, from: Omit<Generation, "marks" | "older">): void {
    this.#keepPast(at, { ...from, marks: [main, sub, valueBytes], older: this.#pastOf(at) });
  }

  /** Forgets what a compaction at `revision` hides of the key. False if nothing is left of it: remove it. */
  compact(at: number, revision: number, drop: Drop): boolean {
    const past = this.#past(at);
    if (past === null) return true;
    const kept = dropBelow(past, revision, drop);
    if (kept === null) return false;
    if (kept.older === null && !kept.ended && kept.marks.length === markSize) this.#flatten(at, kept);
    return true;
  }

  remove(at: number): void {
    this.names.remove(at);
    this.cells.splice(at * cellSize, cellSize);
    this.pasts?.splice(at, 1);
  }

  /** The changes that a finished compaction at `revision` would keep of the key. */
  forEachKept(at: number, revision: number, visit: (main: number, sub: number) => void): void {
    const past = this.#past(at);
    if (past === null) {
      visit(this.cells[at * cellSize]!, this.cells[at * cellSize + 1]!);
      return;
    }
    let generation = dropBelow(copyOf(past), revision, () => {});
    for (; generation !== null; generation = generation.older) {
      for (let i = 0; i < generation.marks.length; i += markSize) {
        visit(generation.marks[i]!, generation.marks[i + 1]!);
      }
    }
  }

  /** Moves the keys from `at` on into a new leaf, its right neighbour. */
  splitAt(at: number): Leaf {
    const right = new Leaf();
    right.names = this.names.splitAt(at);
    right.cells = this.cells.splice(at * cellSize);
    if (this.pasts !== null) right.pasts = withoutNothing(this.pasts.splice(at));
    right.newest = this.newest;
    right.live = this.live;
    this.live = 0;
    for (let i = 0; i < at; i++) if (this.isLive(i)) this.live += 1;
    right.live -= this.live;
    return right;
  }

  /** Takes over all keys of the right neighbour. */
  append(right: Leaf): void {
    if (this.pasts !== null || right.pasts !== null) {
      const none = (leaf: Leaf): null[] => new Array<null>(leaf.size).fill(null);
      this.pasts = [...(this.pasts ?? none(this)), ...(right.pasts ?? none(right))];
    }
    this.names.append(right.names);
    this.cells.push(...right.cells);
    this.live += right.live;
    this.newest = Math.max(this.newest, right.newest);
  }

  #past(at: number): Generation | null {
    return this.pasts === null ? null : this.pasts[at]!;
  }

  /** The key's newest generation as an object, made if it has none. */
  #pastOf(at: number): Generation {
    const known = this.#past(at);
    if (known !== null) return known;
    const { cells } = this;
    const cell = at * cellSize;
    const marks = [cells[cell]!, cells[cell + 1]!, cells[cell + 4]!];
    const [created, version] = [cells[cell + 2]!, cells[cell + 3]!];
    const past: Generation = { created, version, marks, ended: false, older: null };
    this.#keepPast(at, past);
    return past;
  }

  #keepPast(at: number, past: Generation): void {
    this.pasts ??= new Array<null>(this.size).fill(null);
    this.pasts[at] = past;
  }

  /** One life, one change: back to plain numbers. */
  #flatten(at: number, { marks, created, version }: Generation): void {
    const cell = at * cellSize;
    this.cells[cell] = marks[0]!;
    this.cells[cell + 1] = marks[1]!;
    this.cells[cell + 2] = created;
    this.cells[cell + 3] = version;
    this.cells[cell + 4] = marks[2]!;
    this.pasts![at] = null;
    this.pasts = withoutNothing(this.pasts!);
  }
}

function withoutNothing(pasts: (Generation | null)[]): (Generation | null)[] | null {
  return pasts.some((past) => past !== null) ? pasts : null;
}
