/**
 * A generation: one life of a key, from the put that created it to the tombstone that ended it. Generations of a key are a
 * list, newest first. Only keys with a past have one: a key that was put once, or whose past was compacted, is a row of
 * plain numbers in its leaf (key-leaf.ts).
 */
import type { Position } from "../tables.ts";
import type { Mark } from "./key-leaf.ts";

export interface Generation {
  /** Main revision of the first put, even when that put was compacted. */
  readonly created: number;
  /** Number of puts, compacted ones included. */
  version: number;
  /** Per change: main, sub, bytes of the value; ascending. Never empty. */
  marks: number[];
  /** Whether the last mark is the tombstone. */
  ended: boolean;
  older: Generation | null;
}

/** Numbers of one change in `marks`. */
export const markSize = 3;

/** Told of a change that nobody can read any more. */
export type Drop = (main: number, sub: number, valueBytes: number) => void;

/** Notes a further change. */
export function addMark(generation: Generation, { main, sub, valueBytes }: Mark): void {
  const { marks } = generation;
  // Growing by push makes room for sixteen more numbers, which most keys never need: one more change is mostly the tombstone.
  if (marks.length === markSize) {
    generation.marks = [marks[0]!, marks[1]!, marks[2]!, main, sub, valueBytes];
  } else marks.push(main, sub, valueBytes);
}

/** An independent copy of a key's generations. */
export function copyOf(newest: Generation): Generation {
  const older = newest.older === null ? null : copyOf(newest.older);
  return { ...newest, marks: [...newest.marks], older };
}

/** Index in `marks` of the last mark with main <= revision, or negative. */
function lastMark(marks: readonly number[], revision: number): number {
  if (marks[marks.length - markSize]! <= revision) return marks.length - markSize;
  let low = 0;
  let high = marks.length / markSize - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (marks[middle * markSize]! <= revision) low = middle + 1;
    else high = middle;
  }
  return (low - 1) * markSize;
}

/** Where the value at `revision` is, or null if the key was absent then. */
export function liveAt(newest: Generation, revision: number): Position | null {
  for (let generation: Generation | null = newest; generation !== null; generation = generation.older) {
    const at = lastMark(generation.marks, revision);
    if (at < 0) continue;
    if (generation.ended && at === generation.marks.length - markSize) return null;
    return { main: generation.marks[at]!, sub: generation.marks[at + 1]! };
  }
  return null;
}

/**
 * Drops what no read at `revision` or later can see. Changes at exactly `revision` stay, tombstones and such that another
 * of the same txn overtook, because a watch may start there (etcd.md 5.5). Returns the newest generation, or null if nothing is
 * left of the key.
 */
export function dropBelow(newest: Generation, revision: number, drop: Drop): Generation | null {
  let newer: Generation | null = null;
  let generation: Generation | null = newest;
  while (generation !== null && generation.marks[0]! >= revision) {
    newer = generation;
    generation = generation.older;
  }
  if (generation === null) return newest;
  dropAll(generation.older, drop);
  generation.older = null;
  const { marks } = generation;
  let first = lastMark(marks, revision);
  const dead = generation.ended && first === marks.length - markSize && marks[first]! < revision;
  if (dead) first += markSize;
  else if (marks[first] === revision) while (marks[first - markSize] === revision) first -= markSize;
  for (let i = 0; i < first; i += markSize) drop(marks[i]!, marks[i + 1]!, marks[i + 2]!);
  if (!dead) {
    if (first > 0) marks.splice(0, first);
    return newest;
  }
  if (newer === null) return null;
  newer.older = null;
  return newest;
}

/** Oldest first, so that an interrupted compaction leaves the newer part of a generation. */
function dropAll(newest: Generation | null, drop: Drop): void {
  const chain: Generation[] = [];
  for (let generation = newest; generation !== null; generation = generation.older) chain.push(generation);
  for (const { marks } of chain.reverse()) {
    for (let i = 0; i < marks.length; i += markSize) drop(marks[i]!, marks[i + 1]!, marks[i + 2]!);
  }
}
