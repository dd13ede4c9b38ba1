/** Measures compactions from outside, since the store knows no clock: their slices, their rows, and how long each took. */
import type { Histogram } from "../../api/ops/histogram.ts";
import type { Clock } from "../../base/ports.ts";
import type { StoreWrite } from "../../store/storage.ts";

/** What it sees of the store. */
export interface CompactingStore {
  readonly compactRevision: number;
  readonly compactionFinished: number;
}

export class CompactionMeter {
  /** Rows removed by compactions. */
  rows = 0;
  readonly #pauseMs: Histogram;
  readonly #totalMs: Histogram;
  #began: number | null = null;

  constructor(modules: { compactionPauseMs: Histogram; compactionMs: Histogram }) {
    this.#pauseMs = modules.compactionPauseMs;
    this.#totalMs = modules.compactionMs;
  }

  /** Runs one slice of the store's work, which appends what is compacted away to `writes`. */
  slice(store: CompactingStore, clock: Clock, writes: readonly StoreWrite[], work: () => boolean): boolean {
    if (store.compactionFinished >= store.compactRevision) return work();
    const started = clock.now();
    this.#began ??= started;
    const more = work();
    const ended = clock.now();
    if (writes.length === 0) return more;
    this.#pauseMs.observe(ended - started);
    for (const write of writes) if (write.type === "del") this.rows++;
    if (store.compactionFinished >= store.compactRevision) {
      this.#totalMs.observe(ended - this.#began);
      this.#began = null;
    }
    return more;
  }
}
