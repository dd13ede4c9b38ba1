/**
 * A small Prometheus registry (text format 0.0.4). Values are taken by callbacks at the moment of a scrape, so that counting
 * costs the hot path nothing but its own variable; only histograms are fed. One registry per agent, made by the composition
 * root: no module-level state, several agents in one process do not mix.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { assert } from "../../base/assert.ts";

/** Time of one slice of an answer. */
const sliceMs = 3;

export type Labels = Readonly<Record<string, string>>;
/** One value of a metric with labels. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}
/** What a callback gives: one value without labels, or any number of labelled ones. */
export type Reading = number | Iterable<Sample>;

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

/** What is known of a metric without reading it. */
export interface MetricInfo {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
}

interface Metric extends MetricInfo {
  readonly lines: () => Iterable<string>;
}

export class MetricRegistry {
  readonly #metrics = new Map<string, Metric>();

  counter(name: string, help: string, read: () => Reading): void {
    this.#add({ name, help, type: "counter", lines: () => readingLines(name, read()) });
  }

  gauge(name: string, help: string, read: () => Reading): void {
    this.#add({ name, help, type: "gauge", lines: () => readingLines(name, read()) });
  }

  /** Quantiles computed elsewhere: samples with a `quantile` label. */
  summary(name: string, help: string, read: () => Iterable<Sample>): void {
    this.#add({ name, help, type: "summary", lines: () => readingLines(name, read()) });
  }

  /** Registers and returns a histogram; the caller observes into it. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    const histogram = new Histogram(bounds);
    this.#add({ name, help, type: "histogram", lines: () => histogramLines(name, {}, histogram) });
    return histogram;
  }

  /** As `histogram`, with labels. */
  histograms(
    name: string,
    help: string,
    labelNames: readonly string[],
    bounds: readonly number[],
  ): HistogramFamily {
    const family = new HistogramFamily(labelNames, bounds);
    const lines = function* (): Generator<string> {
      for (const { labels, histogram } of family.children()) yield* histogramLines(name, labels, histogram);
    };
    this.#add({ name, help, type: "histogram", lines });
    return family;
  }

  /** Every metric, by name; docs/metrics.md is compared with it. */
  list(): MetricInfo[] {
    return [...this.#metrics.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** Every metric, by name. */
  render(): string {
    return [...this.#pieces()].join("");
  }

  /** The same in slices: over two thousand lines, of which a first scrape would hold the loop for some 10 ms. */
  async renderInSlices(): Promise<string> {
    let text = "";
    let sliceEnd = performance.now() + sliceMs;
    for (const piece of this.#pieces()) {
      text += piece;
      if (performance.now() < sliceEnd) continue;
      await nextTurn();
      sliceEnd = performance.now() + sliceMs;
    }
    return text;
  }

  /** A metric each. A callback that throws leaves out its own metric only. */
  *#pieces(): Generator<string> {
    for (const { name } of this.list()) {
      const { help, type, lines } = this.#metrics.get(name)!;
      let text = "";
      try {
        for (const line of lines()) text += `${line}\n`;
      } catch {
        // One unreadable source (a vanished /proc file) must not take the others away from the operator.
        continue;
      }
      // One with labels, of which nothing was seen yet, has no lines.
      if (text !== "") yield `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${text}`;
    }
  }

  #add(metric: Metric): void {
    assert(!this.#metrics.has(metric.name), `metric ${metric.name} is registered once`);
    this.#metrics.set(metric.name, metric);
  }
}

function* readingLines(name: string, reading: Reading): Generator<string> {
  if (typeof reading === "number") yield `${name} ${number(reading)}`;
  else for (const { labels, value } of reading) yield `${name}${labelText(labels)} ${number(value)}`;
}

function* histogramLines(name: string, labels: Labels, histogram: Histogram): Generator<string> {
  const pairs = labelPairs(labels);
  const bucket = `${name}_bucket{${pairs}${pairs === "" ? "" : ","}le="`;
  let total = 0;
  for (const [i, bound] of histogram.bounds.entries()) {
    total += histogram.counts[i]!;
    yield `${bucket}${number(bound)}"} ${total}`;
  }
  yield `${bucket}+Inf"} ${histogram.count}`;
  yield `${name}_sum${labelText(labels)} ${number(histogram.sum)}`;
  yield `${name}_count${labelText(labels)} ${histogram.count}`;
}

function labelText(labels: Labels): string {
  const pairs = labelPairs(labels);
  return pairs === "" ? "" : `{${pairs}}`;
}

function labelPairs(labels: Labels): string {
  let pairs = "";
  for (const name in labels) pairs += `${pairs === "" ? "" : ","}${name}="${escapeLabel(labels[name]!)}"`;
  return pairs;
}

function escapeLabel(value: string): string {
  if (!/["\\\n]/.test(value)) return value;
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return Number.isNaN(value) ? "NaN" : String(value);
}
