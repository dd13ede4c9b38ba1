/** etcd's metrics of the key-value store, its watches and leases (etcd.md section 16, rows 29 to 36), read at each scrape. */
import type { MetricRegistry } from "./metric-registry.ts";

/** What the store tells. All are cheap to read, or cheap enough for a scrape. */
export interface StoreFacts {
  databaseBytes(): number;
  databaseBytesInUse(): number;
  /** Readers that hold old revisions. */
  openReads(): number;
  ranges(): number;
  puts(): number;
  deletes(): number;
  txns(): number;
  putBytes(): number;
  keys(): number;
  revision(): number;
  compactRevision(): number;
  compactedRows(): number;
  watchStreams(): number;
  watchers(): number;
  /** Watchers that are behind. */
  slowWatchers(): number;
  eventsSent(): number;
  leasesGranted(): number;
  leasesRevoked(): number;
  leasesRenewed(): number;
  leasesExpired(): number;
  authRevision(): number;
}

/** name without `etcd_`, type, help, value. */
type Row = readonly [name: string, type: "gauge" | "counter", help: string, read: () => number];

export function storeMetrics(registry: MetricRegistry, facts: StoreFacts): void {
  const rows: readonly Row[] = [
    ["mvcc_db_total_size_in_bytes", "gauge", "Bytes that the database takes.", facts.databaseBytes],
    [
      "mvcc_db_total_size_in_use_in_bytes",
      "gauge",
      "Bytes of the database that hold something.",
      facts.databaseBytesInUse,
    ],
    ["mvcc_db_open_read_transactions", "gauge", "Long reads under way.", facts.openReads],
    ["mvcc_range_total", "counter", "Ranges served by this member.", facts.ranges],
    ["mvcc_put_total", "counter", "Puts applied by this member.", facts.puts],
    ["mvcc_delete_total", "counter", "Deletes applied by this member.", facts.deletes],
    ["mvcc_txn_total", "counter", "Txns served by this member.", facts.txns],
    [
      "debugging_mvcc_total_put_size_in_bytes",
      "gauge",
      "Bytes of keys and values put since the start.",
      facts.putBytes,
    ],
    ["debugging_mvcc_keys_total", "gauge", "Keys that exist.", facts.keys],
    ["debugging_mvcc_current_revision", "gauge", "The newest revision.", facts.revision],
    ["debugging_mvcc_compact_revision", "gauge", "The compacted revision.", facts.compactRevision],
    [
      "debugging_mvcc_db_compaction_keys_total",
      "counter",
      "Old changes removed by compaction.",
      facts.compactedRows,
    ],
    ["debugging_mvcc_watch_stream_total", "gauge", "Open watch streams.", facts.watchStreams],
    ["debugging_mvcc_watcher_total", "gauge", "Open watchers.", facts.watchers],
    ["debugging_mvcc_slow_watcher_total", "gauge", "Watchers that are behind.", facts.slowWatchers],
    ["debugging_mvcc_events_total", "counter", "Events handed to watchers.", facts.eventsSent],
    // A watcher that is slow has its events read again later: none ever wait in memory.
    ["debugging_mvcc_pending_events_total", "gauge", "Events that wait in memory for a watcher.", () => 0],
    ["debugging_lease_granted_total", "counter", "Leases granted.", facts.leasesGranted],
    ["debugging_lease_revoked_total", "counter", "Leases revoked or expired.", facts.leasesRevoked],
    ["debugging_lease_renewed_total", "counter", "Renewals answered by this leader.", facts.leasesRenewed],
    ["debugging_server_lease_expired_total", "counter", "Leases that expired.", facts.leasesExpired],
    ["debugging_auth_revision", "gauge", "Revision of the auth store.", facts.authRevision],
  ];
  for (const [name, type, help, read] of rows) registry[type](`etcd_${name}`, help, () => read.call(facts));
}
