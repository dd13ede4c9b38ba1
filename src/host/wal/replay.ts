/**
 * What the records of the log add up to: the raft state that was durable. Records come in file order; an entry whose
 * index is not behind the last one replaces the tail from there, as a follower does (Raft paper 5.3).
 *
 *     entries 1 2 3 (term 1), entry 2 (term 2)        -> 1 2'
 *     entries 1 2 3, snapshot 2 (term 1)              -> 3        the log goes on behind the snapshot
 *     entries 1 2 3 (term 1), snapshot 3 (term 2)     -> nothing  another history: Raft paper 7
 *     entries 1 2 3, snapshot 9                       -> nothing, the next entry is 10
 */
import { Index, Term } from "../../base/ids.ts";
import type { Entry, HardState, SnapshotMeta } from "../../raft/entry.ts";
import { entryRecordBytes, type WalRecord } from "./record-body.ts";

/** The raft state of a member, as recovered or as a new log begins. */
export interface WalState {
  readonly hardState: HardState;
  readonly snapshot: SnapshotMeta;
  /** Consecutive, the first has index snapshot.index + 1. */
  readonly entries: Entry[];
  /** What these entries take in the log. */
  readonly bytes: number;
}

/** Before anything was ever written. */
export const emptyHardState: HardState = { term: Term(0), vote: null, commit: Index(0) };
export const emptySnapshot: SnapshotMeta = {
  index: Index(0),
  term: Term(0),
  configuration: { voters: [], votersOutgoing: [], learners: [] },
};

export class Replay {
  #hardState = emptyHardState;
  #snapshot = emptySnapshot;
  #entries: Entry[] = [];

  /** Takes the next record. Returns what makes it impossible at this place, or null. */
  add(record: WalRecord): string | null {
    switch (record.type) {
      case "entry":
        return this.#addEntry(record.entry);
      case "hard-state":
        this.#hardState = record.hardState;
        return null;
      case "snapshot":
        return this.#addSnapshot(record.meta);
      default:
        return null;
    }
  }

  /** Why the entries do not join the snapshot, or null. Asked once, at the end: a later snapshot may close a gap. */
  gap(): string | null {
    const first = this.#entries[0];
    if (first === undefined || first.index === this.#snapshot.index + 1) return null;
    return `entries ${this.#snapshot.index + 1} to ${first.index - 1} are missing`;
  }

  state(): WalState {
    const last = this.#entries.at(-1)?.index ?? this.#snapshot.index;
    // Commit is written without a sync of its own, and the snapshot implies one.
    const commit = Index(Math.max(this.#snapshot.index, Math.min(this.#hardState.commit, last)));
    return {
      hardState: { ...this.#hardState, commit },
      snapshot: this.#snapshot,
      entries: this.#entries,
      bytes: this.#entries.reduce((sum, entry) => sum + entryRecordBytes(entry), 0),
    };
  }

  #addEntry(entry: Entry): string | null {
    if (entry.index <= this.#snapshot.index) return `entry ${entry.index} is behind the snapshot`;
    const first = this.#entries[0];
    if (first !== undefined) {
      const position = entry.index - first.index;
      if (position > this.#entries.length) {
        return `entries ${first.index + this.#entries.length} to ${entry.index - 1} are missing`;
      }
      this.#entries.length = Math.max(0, position);
    }
    this.#entries.push(entry);
    return null;
  }

  #addSnapshot(meta: SnapshotMeta): string | null {
    if (meta.index < this.#snapshot.index) return `snapshot ${meta.index} follows ${this.#snapshot.index}`;
    this.#snapshot = meta;
    const first = this.#entries[0];
    if (first === undefined || first.index > meta.index) return null;
    const covered = this.#entries[meta.index - first.index];
    this.#entries = covered?.term === meta.term ? this.#entries.slice(meta.index - first.index + 1) : [];
    return null;
  }
}
