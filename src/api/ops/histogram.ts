/** Histograms: what counts how long things took, or how large they were (one registry entry each, metric-registry.ts). */
import { assert } from "../../base/assert.ts";
import type { Labels } from "./metric-text.ts";

/** Cumulative buckets of observations (in the unit of the metric's name, seconds as a rule). */
export class Histogram {
  /** Upper bounds, ascending; +Inf is implied. */
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.sum += value;
    this.count++;
    for (let i = 0; i < this.bounds.length; i++) {
      if (value <= this.bounds[i]!) {
        this.counts[i]!++;
        return;
      }
    }
  }
}

/** One histogram for each set of values of the same labels; made when the values are first seen. */
export class HistogramFamily {
  readonly #labelNames: readonly string[];
  readonly #bounds: readonly number[];
  readonly #children = new Map<string, { readonly labels: Labels; readonly histogram: Histogram }>();

  constructor(labelNames: readonly string[], bounds: readonly number[]) {
    this.#labelNames = labelNames;
    this.#bounds = bounds;
  }

  /** The histogram of these label values, in the order of the names. Keep it where it is fed often. */
  with(...values: readonly string[]): Histogram {
    assert(values.length === this.#labelNames.length, "a value for each label");
    const key = values.join("\0");
    let child = this.#children.get(key);
    if (child === undefined) {
      const labels = Object.fromEntries(this.#labelNames.map((name, i) => [name, values[i]!]));
      child = { labels, histogram: new Histogram(this.#bounds) };
      this.#children.set(key, child);
    }
    return child.histogram;
  }

  children(): Iterable<{ readonly labels: Labels; readonly histogram: Histogram }> {
    return this.#children.values();
  }
}

/** `count` bounds from `first`, each `factor` times the one before. etcd's disk histograms: (0.001, 2, 14). */
export function exponentialBounds(first: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first * factor ** i);
}
