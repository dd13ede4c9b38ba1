/**
 * What of the log and the hard state has been handed to the disk, and what is durable. The disk works in order, in the
 * background; between handing over and the answer the log may have been cut.
 *
 * Example: 3@1 4@1 5@1 go out as sequence 1; a new leader replaces 4 and 5 by 4@2, sequence 2. When 1 is answered only 3
 * is durable: the disk is about to overwrite 4. So cutting the log at 4 also cuts what sequence 1 will stand for. This is
 * stricter than comparing terms: with 4@1 restored by yet another leader (paper figure 8) the terms would look right.
 */
import { assert } from "../base/assert.ts";
import { Index } from "../base/ids.ts";
import type { Entry, EntryId, HardState } from "./entry.ts";
import type { RaftLog } from "./log.ts";

/** The body of a `persist` effect. */
export interface PersistBatch {
  readonly sequence: number;
  readonly hardState: HardState | null;
  readonly entries: readonly Entry[];
  readonly sync: boolean;
}

interface InFlight {
  readonly sequence: number;
  /** Last entry as handed over. */
  readonly last: EntryId | null;
  /** Last of its entries that the log still holds; 0 without any. */
  durableTo: Index;
}

/** Follows the log of one raft; see the file's head. */
export class Persistence {
  #durable: Index;
  /** First index not handed over yet. */
  #from: Index;
  #hardState: HardState;
  #inFlight: InFlight[] = [];
  #sequence = 1;

  /** Everything recovered from the disk is durable. */
  constructor(log: RaftLog, hardState: HardState) {
    this.#durable = log.lastIndex;
    this.#from = Index(log.lastIndex + 1);
    this.#hardState = hardState;
  }

  /** Every entry up to here is durable. */
  get durable(): Index {
    return this.#durable;
  }

  /** The sequence that the next batch will have. */
  get nextSequence(): number {
    return this.#sequence;
  }

  /** Follows RaftLog.truncate. */
  truncate(from: Index): void {
    const kept = Index(from - 1);
    this.#durable = Index(Math.min(this.#durable, kept));
    this.#from = Index(Math.min(this.#from, from));
    for (const batch of this.#inFlight) batch.durableTo = Index(Math.min(batch.durableTo, kept));
  }

  /** Follows RaftLog.reset: an installed snapshot is durable up to its index and nothing else is left. */
  reset(base: EntryId): void {
    this.#durable = base.index;
    this.#from = Index(base.index + 1);
    for (const batch of this.#inFlight) batch.durableTo = Index(0);
  }

  /** What changed since the last batch, or null. */
  next(log: RaftLog, hardState: HardState): PersistBatch | null {
    const entries = this.#from <= log.lastIndex ? log.range(this.#from, log.lastIndex) : [];
    const before = this.#hardState;
    const voted = before.term !== hardState.term || before.vote !== hardState.vote;
    const sync = voted || entries.length > 0;
    if (!sync && before.commit === hardState.commit) return null;
    const sequence = this.#sequence++;
    const last = entries.length > 0 ? log.last : null;
    this.#from = Index(log.lastIndex + 1);
    this.#hardState = hardState;
    this.#inFlight.push({ sequence, last, durableTo: last?.index ?? Index(0) });
    return {
      sequence,
      hardState: sync && !voted && before.commit === hardState.commit ? null : hardState,
      entries,
      sync,
    };
  }

  /** The disk answered for `sequence` and all before it; `last` is the last entry it wrote for them, or null. */
  persisted(sequence: number, last: EntryId | null): void {
    assert(sequence < this.#sequence, "the disk answers only for what it was given");
    let written: EntryId | null = null;
    let answered = 0;
    for (const batch of this.#inFlight) {
      if (batch.sequence > sequence) break;
      written = batch.last ?? written;
      this.#durable = Index(Math.max(this.#durable, batch.durableTo));
      answered += 1;
    }
    this.#inFlight.splice(0, answered);
    const agrees =
      last === null || written === null || (last.index === written.index && last.term === written.term);
    assert(agrees, "the disk wrote the entries that it was given");
  }
}
