/** Prometheus' text format 0.0.4: the lines of one metric, without its HELP and TYPE. */
import type { Histogram } from "./histogram.ts";

export type Labels = Readonly<Record<string, string>>;
/** One value of a metric with labels. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}
/** What a callback gives: one value without labels, or any number of labelled ones. */
export type Reading = number | Iterable<Sample>;

/** A line for each value. */
export function* readingLines(name: string, reading: Reading): Generator<string> {
  if (typeof reading === "number") yield `${name} ${number(reading)}`;
  else for (const { labels, value } of reading) yield `${name}${labelText(labels)} ${number(value)}`;
}

/** A line for each bucket, the sum and the count. */
export function* histogramLines(name: string, labels: Labels, histogram: Histogram): Generator<string> {
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
