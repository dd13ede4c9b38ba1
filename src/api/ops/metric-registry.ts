/**
 * A small Prometheus registry. Values are taken by callbacks at the moment of a scrape, so that counting costs the hot path
 * nothing but its own variable; only histograms are fed. One registry per agent, made by the composition root: no
 * module-level state, several agents in one process do not mix.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/ports.ts";
import { Histogram, HistogramFamily } from "./histogram.ts";
import { histogramLines, type Reading, readingLines, type Sample } from "./metric-text.ts";

/** Time of one slice of an answer. */
const sliceMs = 3;

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
  readonly #refreshers: (() => Promise<void>)[] = [];

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

  /** Calls `refresh` before each scrape, for what cannot be read without waiting. Its failure is of no consequence. */
  beforeScrape(refresh: () => Promise<void>): void {
    this.#refreshers.push(refresh);
  }

  /** Every metric, by name; docs/metrics.md is compared with it. */
  list(): MetricInfo[] {
    return [...this.#metrics.values()].sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** Every metric, by name. */
  render(): string {
    return [...this.#pieces()].join("");
  }

  /**
   * The same in slices: over two thousand lines, of which a first scrape would hold the loop for some 10 ms. Does first what
   * `beforeScrape` was given.
   */
  async renderInSlices(clock: Clock): Promise<string> {
    await Promise.allSettled(this.#refreshers.map((refresh) => refresh()));
    let text = "";
    let sliceEnd = clock.now() + sliceMs;
    for (const piece of this.#pieces()) {
      text += piece;
      if (clock.now() < sliceEnd) continue;
      await nextTurn();
      sliceEnd = clock.now() + sliceMs;
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
