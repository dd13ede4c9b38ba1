/** The histograms of a server (etcd.md section 16, rows 20, 23 to 28, 35, 36, 42), with etcd's buckets. */
import { exponentialBounds, type Histogram, type HistogramFamily } from "./histogram.ts";
import type { MetricRegistry } from "./metric-registry.ts";

/** What the parts of a server observe into; the unit is in each name. */
export interface ServerHistograms {
  readonly walSyncSeconds: Histogram;
  readonly commitSeconds: Histogram;
  readonly snapshotSeconds: Histogram;
  readonly defragmentSeconds: Histogram;
  /** Labels version, op, success. */
  readonly applySeconds: HistogramFamily;
  readonly hashSeconds: Histogram;
  readonly compactionMs: Histogram;
  readonly compactionPauseMs: Histogram;
  readonly leaseTtlSeconds: Histogram;
  /** Recording in the log what the database holds durably, and waiting for the database to be durable. */
  readonly snapSyncSeconds: Histogram;
  readonly snapDatabaseSyncSeconds: Histogram;
  /** Receiving a snapshot of another member. */
  readonly snapReceiveSeconds: Histogram;
}

export function serverHistograms(registry: MetricRegistry): ServerHistograms {
  const disk = exponentialBounds(0.001, 2, 14);
  const seconds = (name: string, help: string, bounds: readonly number[] = disk): Histogram =>
    registry.histogram(`etcd_${name}_duration_seconds`, help, bounds);
  const milliseconds = (name: string, help: string, bounds: readonly number[]): Histogram =>
    registry.histogram(`etcd_debugging_mvcc_${name}_duration_milliseconds`, help, bounds);
  const pauseHelp = "How long one slice of a compaction holds the event loop.";
  const compactionPauseMs = milliseconds("db_compaction_pause", pauseHelp, exponentialBounds(1, 2, 13));
  return {
    walSyncSeconds: seconds("disk_wal_fsync", "Synchronous writes of the write-ahead log."),
    commitSeconds: seconds("disk_backend_commit", "Synchronous batches of the database."),
    snapshotSeconds: seconds(
      "disk_backend_snapshot",
      "Whole database snapshots sent to clients.",
      exponentialBounds(0.01, 2, 17),
    ),
    defragmentSeconds: seconds("disk_backend_defrag", "Defragmentations.", exponentialBounds(0.1, 2, 13)),
    applySeconds: registry.histograms(
      "etcd_server_apply_duration_seconds",
      "Applying one entry, as the mean of its batch.",
      ["version", "op", "success"],
      exponentialBounds(0.0001, 2, 20),
    ),
    hashSeconds: seconds("mvcc_hash_rev", "Hashes of the key history.", exponentialBounds(0.01, 2, 15)),
    compactionMs: milliseconds(
      "db_compaction_total",
      "Compactions from the request to the last removed row.",
      exponentialBounds(100, 2, 14),
    ),
    compactionPauseMs,
    leaseTtlSeconds: registry.histogram(
      "etcd_debugging_lease_ttl_total",
      "TTLs of granted leases, in seconds.",
      exponentialBounds(1, 2, 24),
    ),
    snapSyncSeconds: seconds("snap_fsync", "Recording in the log what the database holds durably."),
    snapDatabaseSyncSeconds: seconds("snap_db_fsync", "Waiting for the database to be durable."),
    snapReceiveSeconds: seconds(
      "snap_db_save_total",
      "Receiving and installing a snapshot of another member.",
      exponentialBounds(0.1, 2, 10),
    ),
  };
}
