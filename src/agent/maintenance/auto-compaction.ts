/**
 * When the leader compacts by itself, and to which revision (etcd.md 17.9). Pure: samples of the revision in, revisions to
 * compact out; auto-compactor.ts keeps the time and asks.
 *
 *   periodic, 10h:   a sample every 6 min; after 10 h, then every hour, compact to the sample of 10 h ago
 *   periodic, 30m:   a sample every 3 min; after 30 min, then every 30 min, compact to the sample of 30 min ago
 *   revision, 1000:  every 5 min compact to the current revision less 1000
 */
import type { Instant } from "../../base/ids.ts";

/** What `--auto-compaction-mode` and `--auto-compaction-retention` come to. */
export type AutoCompactionPolicy =
  | { readonly mode: "periodic"; readonly periodMs: number }
  | { readonly mode: "revision"; readonly keep: number };

const hourMs = 3_600_000;
const samplesPerInterval = 10;
const revisionIntervalMs = 300_000;
/** Of a division, that it is not taken for a part of a step. */
const roundingError = 1e-6;

export class AutoCompaction {
  readonly #policy: AutoCompactionPolicy;
  /** How often `sample` wants to be called. */
  readonly everyMs: number;
  /** Periodic: from one compaction to the next. */
  readonly #intervalMs: number;
  readonly #samplesMax: number;
  /** The revisions of the last period, oldest first. */
  readonly #samples: number[] = [];
  /** Before this nothing is due; set by the first sample. */
  #dueAt: Instant | null = null;
  /** The last revision compacted to. */
  #done = 0;

  constructor(policy: AutoCompactionPolicy) {
    this.#policy = policy;
    if (policy.mode === "periodic") {
      this.#intervalMs = Math.min(policy.periodMs, hourMs);
      this.everyMs = this.#intervalMs / samplesPerInterval;
      // Rounded up: what is younger than the period stays, though that be no whole number of steps.
      this.#samplesMax = Math.ceil(policy.periodMs / this.everyMs - roundingError) + 1;
    } else {
      this.#intervalMs = revisionIntervalMs;
      this.everyMs = revisionIntervalMs;
      this.#samplesMax = 1;
    }
  }

  /**
   * Takes the current revision, on every member: a new leader then knows the past. The revision to compact to, or null;
   * whoever leads asks for it and reports success with `compacted`. Without that the next sample asks again.
   */
  sample(now: Instant, revision: number): number | null {
    const target =
      this.#policy.mode === "periodic" ? this.#periodic(now, revision) : revision - this.#policy.keep;
    return target === null || target <= 0 || target === this.#done ? null : target;
  }

  /** The store was compacted to `revision`, or further. */
  compacted(now: Instant, revision: number): void {
    this.#done = revision;
    this.#dueAt = (now + this.#intervalMs) as Instant;
  }

  #periodic(now: Instant, revision: number): number | null {
    const periodMs = this.#policy.mode === "periodic" ? this.#policy.periodMs : 0;
    this.#dueAt ??= (now + periodMs) as Instant;
    this.#samples.push(revision);
    if (this.#samples.length > this.#samplesMax) this.#samples.shift();
    // A timer is a little early or late: half a step of tolerance, so that no compaction slips by a whole one.
    const isDue = now >= this.#dueAt - this.everyMs / 2 && this.#samples.length === this.#samplesMax;
    return isDue ? this.#samples[0]! : null;
  }
}
