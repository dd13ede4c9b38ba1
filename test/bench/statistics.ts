/** Percentiles of measured durations. */

/** Milliseconds below which the given shares of `values` lie. */
export function percentiles(values: readonly number[]): { p50Ms: number; p99Ms: number; p999Ms: number } {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number =>
    Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(3));
  return { p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999) };
}
