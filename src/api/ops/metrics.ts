/**
 * A small Prometheus registry (text format 0.0.4). Values are taken by callbacks at the moment of a scrape, so that counting
 * costs the hot path nothing but its own variable; only histograms are fed. One registry per agent, made by the composition
 * root: no module-level state, several agents in one process do not mix.
 */

import { assert } from "../../base/assert.ts";

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

/** `count` bounds from `first`, each `factor` times the one before. etcd's disk histograms: (0.001, 2, 14). */
export function exponentialBounds(first: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first * factor ** i);
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
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
    this.#add({ name, help, type: "histogram", lines: () => histogramLines(name, histogram) });
    return histogram;
  }

  /** Every metric, by name. A callback that throws leaves out its own metric only. */
  render(): string {
    const out: string[] = [];
    for (const metric of [...this.#metrics.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      try {
        const lines = [...metric.lines()];
        out.push(`# HELP ${metric.name} ${metric.help}`, `# TYPE ${metric.name} ${metric.type}`, ...lines);
      } catch {
        // One unreadable source (a vanished /proc file) must not take the others away from the operator.
      }
    }
    return `${out.join("\n")}\n`;
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

function* histogramLines(name: string, histogram: Histogram): Generator<string> {
  let total = 0;
  for (const [i, bound] of histogram.bounds.entries()) {
    total += histogram.counts[i]!;
    yield `${name}_bucket{le="${number(bound)}"} ${total}`;
  }
  yield `${name}_bucket{le="+Inf"} ${histogram.count}`;
  yield `${name}_sum ${number(histogram.sum)}`;
  yield `${name}_count ${histogram.count}`;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return Number.isNaN(value) ? "NaN" : String(value);
}
