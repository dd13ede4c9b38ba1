/**
 * The log in memory: a base (the entry that the last compaction or snapshot ended with) and what follows it. Pure data;
 * what of it is durable is `persistence.ts`' business, what is committed is the core's.
 *
 * Example: base 4@2, entries 5@2 6@3. firstIndex 5, lastIndex 6, termAt(4) = 2, termAt(3) = null (forgotten).
 */
import { assert } from "../base/assert.ts";
import { Index, type Term } from "../base/ids.ts";
import type { Entry, EntryId } from "./entry.ts";

/** What an entry costs besides its data, for the byte caps: roughly its object, and its header on the wire. */
const entryOverheadBytes = 32;

/** Bytes that an entry counts for in every byte cap of the core. */
export function entryBytes(entry: { readonly data: Uint8Array }): number {
  return entry.data.length + entryOverheadBytes;
}

/** The largest i such that items before it, from `start` on, fit into `bytesMax`; but past one, if there is one. */
export function fitting(
  items: readonly { readonly data: Uint8Array }[],
  start: number,
  bytesMax: number,
): number {
  let end = start;
  for (let bytes = 0; end < items.length; end++) {
    bytes += entryBytes(items[end]!);
    if (bytes > bytesMax && end > start) break;
  }
  return end;
}

/** The entries after `base`, contiguous, with terms that never fall. */
export class RaftLog {
  #base: EntryId;
  #entries: Entry[];
  /** Sum of `entryBytes` over the entries. */
  #bytes = 0;

  /** Takes entries that directly follow `base`. */
  constructor(base: EntryId, entries: readonly Entry[]) {
    this.#base = base;
    this.#entries = [];
    for (const entry of entries) this.#push(entry);
  }

  /** The entry before the first one: {0,0} in a fresh log. Its term is still known, its content is not. */
  get base(): EntryId {
    return this.#base;
  }

  get firstIndex(): Index {
    return Index(this.#base.index + 1);
  }

  get lastIndex(): Index {
    return Index(this.#base.index + this.#entries.length);
  }

  get lastTerm(): Term {
    return this.#entries.at(-1)?.term ?? this.#base.term;
  }

  /** Bytes of all its entries, as `entryBytes` counts them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Id of the last entry (of the base when there is none). */
  get last(): EntryId {
    return { index: this.lastIndex, term: this.lastTerm };
  }

  /** Term of the entry at `index`, or null where the log does not reach: compacted away, or not yet there. */
  termAt(index: Index): Term | null {
    if (index === this.#base.index) return this.#base.term;
    return this.#entries[index - this.#base.index - 1]?.term ?? null;
  }

  /** Whether the log holds this entry, and so everything before it (Raft paper 5.3, log matching). */
  matches(id: EntryId): boolean {
    return this.termAt(id.index) === id.term;
  }

  /** Raft paper 5.4.1: whether a log ending in `id` is at least as up to date as this one. */
  isUpToDate(id: EntryId): boolean {
    return id.term > this.lastTerm || (id.term === this.lastTerm && id.index >= this.lastIndex);
  }

  /** Appends entries that directly follow the last one. */
  append(entries: readonly Entry[]): void {
    for (const entry of entries) this.#push(entry);
  }

  /** Removes every entry from `from` on. The caller has checked that none of them is committed. */
  truncate(from: Index): void {
    assert(from > this.#base.index, "only entries after the base are removed from the tail");
    for (const entry of this.#entries.splice(from - this.#base.index - 1)) this.#bytes -= entryBytes(entry);
  }

  /** Entries from `from` on: as many as fit into `bytesMax`, but at least one if there is one. */
  slice(from: Index, bytesMax: number): Entry[] {
    const start = from - this.#base.index - 1;
    assert(start >= 0, "a compacted entry is not read");
    return this.#entries.slice(start, fitting(this.#entries, start, bytesMax));
  }

  /** Entries from `from` to `to`, both included. */
  range(from: Index, to: Index): Entry[] {
    assert(from > this.#base.index && to <= this.lastIndex, "the range lies inside the log");
    return this.#entries.slice(from - this.#base.index - 1, to - this.#base.index);
  }

  /**
   * The largest index not above `index` whose term is not above `term`: where two logs may agree at best, found without
   * visiting every entry of a diverged term by message (thesis 5.3). Where terms are forgotten, the base itself.
   */
  lastNotAbove(index: Index, term: Term): EntryId {
    let at = Math.min(index, this.lastIndex);
    while (at > this.#base.index && this.termAt(Index(at))! > term) at -= 1;
    at = Math.max(at, this.#base.index);
    return { index: Index(at), term: this.termAt(Index(at))! };
  }

  /**
   * The smallest index such that the entries from there to the end fit into `bytesMax` together; behind the last one if not
   * even that fits. Compacting up to it bounds what the log holds for slow followers.
   */
  firstIndexWithinBytes(bytesMax: number): Index {
    let beyond = this.#bytes - bytesMax;
    let forgotten = 0;
    while (beyond > 0 && forgotten < this.#entries.length) beyond -= entryBytes(this.#entries[forgotten++]!);
    return Index(this.firstIndex + forgotten);
  }

  /** Forgets all entries before `keepFrom`. */
  compact(keepFrom: Index): void {
    const newBase = Index(Math.min(keepFrom - 1, this.lastIndex));
    if (newBase <= this.#base.index) return;
    const term = this.termAt(newBase)!;
    const forgotten = newBase - this.#base.index;
    for (let i = 0; i < forgotten; i++) this.#bytes -= entryBytes(this.#entries[i]!);
    this.#entries = this.#entries.slice(forgotten);
    this.#base = { index: newBase, term };
  }

  /** Forgets everything: the log starts anew after an installed snapshot. */
  reset(base: EntryId): void {
    this.#base = { index: base.index, term: base.term };
    this.#entries = [];
    this.#bytes = 0;
  }

  #push(entry: Entry): void {
    assert(entry.index === this.lastIndex + 1, "entries follow one another without a gap");
    assert(entry.term >= this.lastTerm, "terms never fall along the log");
    this.#entries.push(entry);
    this.#bytes += entryBytes(entry);
  }
}
