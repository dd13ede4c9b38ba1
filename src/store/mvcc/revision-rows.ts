/** The rows of a finished revision, as writes: one by one where there are few, a run where there are many. */
import type { RowRun, StoreWrite } from "../storage.ts";
import { revisionKey, revisionKeyBytes } from "../tables.ts";
import { type Change, encodeChange } from "./record.ts";

/** From so many changes on, their rows are encoded later. */
const runChangesMin = 64;
/** The counter of a run is the lower half of the sub revision. */
const runPrefixBytes = revisionKeyBytes - 4;

export interface FinishedRevision {
  readonly main: number;
  readonly changes: readonly Change[];
  /** Memory that the changes take, about. */
  readonly bytes: number;
}

export function appendRows(revision: FinishedRevision, writes: StoreWrite[]): void {
  const { main, changes } = revision;
  if (changes.length >= runChangesMin) {
    writes.push(new ChangeRun(revision));
    return;
  }
  for (let sub = 0; sub < changes.length; sub++) {
    const value = encodeChange(changes[sub]!, sub === changes.length - 1);
    writes.push({ type: "put", key: revisionKey(main, sub), value });
  }
}

/** All changes of one revision. */
class ChangeRun implements RowRun {
  readonly type = "run";
  readonly prefix: Uint8Array;
  readonly bytes: number;
  readonly #changes: readonly Change[];

  constructor({ main, changes, bytes }: FinishedRevision) {
    this.prefix = revisionKey(main, 0).subarray(0, runPrefixBytes);
    this.bytes = bytes;
    this.#changes = changes;
  }

  get length(): number {
    return this.#changes.length;
  }

  value(sub: number): Uint8Array {
    return encodeChange(this.#changes[sub]!, sub === this.#changes.length - 1);
  }
}
