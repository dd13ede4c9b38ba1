/**
 * A disk under a raft core: takes `persist` effects, works in order and late, and at a crash keeps only what had reached the
 * platter: what was synced, and any prefix of the rest.
 */
import { Index, Term } from "../../src/base/ids.ts";
import { ConfigurationHistory } from "../../src/raft/configuration.ts";
import type { Configuration, Entry, EntryId, HardState, SnapshotMeta } from "../../src/raft/entry.ts";
import type { RaftEffect } from "../../src/raft/event.ts";

/** A `persist` effect. */
export type Persist = Extract<RaftEffect, { type: "persist" }>;

/** What a crash would leave, and what is on its way. */
export class SimulatedDisk {
  hardState: HardState = { term: Term(0), vote: null, commit: Index(0) };
  base: EntryId = { index: Index(0), term: Term(0) };
  baseConfiguration: Configuration;
  entries: Entry[] = [];
  pending: Persist[] = [];

  constructor(configuration: Configuration) {
    this.baseConfiguration = configuration;
  }

  /** The oldest pending write is done. */
  completeNext(): Persist {
    const persist = this.pending.shift()!;
    this.#write(persist);
    return persist;
  }

  /** Power is gone: the first `survivors` of the pending writes are on the platter, the rest never was. */
  crash(survivors: number): void {
    for (const persist of this.pending.slice(0, survivors)) this.#write(persist);
    this.pending = [];
  }

  /** Forgets entries before `keepFrom`. */
  compact(keepFrom: Index): void {
    const last = this.entries.at(-1)?.index ?? this.base.index;
    const newBase = Math.min(keepFrom - 1, last);
    if (newBase <= this.base.index) return;
    const history = new ConfigurationHistory(this.base.index, this.baseConfiguration);
    history.append(this.entries);
    this.baseConfiguration = history.at(Index(newBase));
    const entry = this.entries[newBase - this.base.index - 1]!;
    this.entries = this.entries.slice(newBase - this.base.index);
    this.base = { index: entry.index, term: entry.term };
  }

  /** A snapshot replaces the log. */
  install(snapshot: SnapshotMeta): void {
    this.base = { index: snapshot.index, term: snapshot.term };
    this.baseConfiguration = snapshot.configuration;
    this.entries = [];
  }

  #write({ hardState, entries }: Persist): void {
    if (hardState) this.hardState = hardState;
    const from = entries[0]?.index;
    if (from === undefined) return;
    const kept = this.entries.slice(0, Math.max(0, from - this.base.index - 1));
    this.entries = [...kept, ...entries.filter((entry) => entry.index > this.base.index)];
  }
}
