/** Where the parts of a server report what they measure; made, and registered, before the server opens. */
import { type ServerHistograms, serverHistograms } from "../../api/ops/duration-metrics.ts";
import type { Histogram, HistogramFamily } from "../../api/ops/histogram.ts";
import { learnerMetrics, type PromotionObserver } from "../../api/ops/learner-metrics.ts";
import type { MetricRegistry } from "../../api/ops/metric-registry.ts";
import { roundTripMetric, type SnapshotObserver, snapshotMetrics } from "../../api/ops/peer-metrics.ts";
import type { Clock } from "../../base/ports.ts";
import { ApplyMeter } from "./apply-meter.ts";
import { CompactionMeter } from "./compaction-meter.ts";

export interface ServerMeters extends ServerHistograms {
  readonly apply: ApplyMeter;
  readonly compaction: CompactionMeter;
  readonly snapshots: SnapshotObserver;
  /** By the peer's id in hexadecimal. */
  readonly roundTripSeconds: HistogramFamily;
  /** Defragmentations under way. */
  defragmenting: number;
  /** Requests to promote a learner while this member led. */
  readonly promoted: PromotionObserver;
}

export function serverMeters(registry: MetricRegistry): ServerMeters {
  const histograms = serverHistograms(registry);
  const meters: ServerMeters = {
    ...histograms,
    apply: new ApplyMeter(histograms),
    compaction: new CompactionMeter(histograms),
    snapshots: snapshotMetrics(registry),
    roundTripSeconds: roundTripMetric(registry),
    defragmenting: 0,
    promoted: learnerMetrics(registry),
  };
  registry.gauge("etcd_disk_defrag_inflight", "Defragmentations under way.", () => meters.defragmenting);
  return meters;
}

/** Measures work of which it is told nothing but how to do it. */
export function timed(
  clock: Clock,
  seconds: Histogram,
): <Result>(work: () => Promise<Result>) => Promise<Result> {
  return async (work) => {
    const started = clock.now();
    try {
      return await work();
    } finally {
      seconds.observe((clock.now() - started) / 1000);
    }
  };
}
