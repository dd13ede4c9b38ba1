/** etcd's server metrics (etcd.md section 16, rows 1 to 22), read from the member at each scrape. */
import type { MetricRegistry } from "./metric-registry.ts";
import { clusterVersion, serverVersion } from "./version.ts";

/** What the member tells. All are cheap reads of variables. */
export interface ServerFacts {
  readonly memberId: string;
  hasLeader(): boolean;
  isLeader(): boolean;
  isLearner(): boolean;
  leaderChanges(): number;
  /** Whether the cluster has agreed on its version. */
  clusterDecided(): boolean;
  proposalsCommitted(): number;
  proposalsApplied(): number;
  proposalsPending(): number;
  proposalsFailed(): number;
  /** A leader's heartbeats that left late. */
  heartbeatsLate(): number;
  slowApplies(): number;
  /** Read rounds that had to be asked again, and linearizable reads that ran into their deadline. */
  slowReads(): number;
  failedReads(): number;
  /** In bytes; 0 is none. */
  quotaBytes(): number;
  snapshotsBeingApplied(): number;
}

/** name without `etcd_server_`, type, help, value. */
type Row = readonly [name: string, type: "gauge" | "counter", help: string, read: () => number | boolean];

export function serverMetrics(registry: MetricRegistry, facts: ServerFacts): void {
  const rows: readonly Row[] = [
    ["has_leader", "gauge", "Whether a leader is known.", facts.hasLeader],
    ["is_leader", "gauge", "Whether this member leads.", facts.isLeader],
    ["is_learner", "gauge", "Whether this member is a learner.", facts.isLearner],
    ["leader_changes_seen_total", "counter", "Changes of the leader seen.", facts.leaderChanges],
    ["proposals_committed_total", "gauge", "Index of the last committed entry.", facts.proposalsCommitted],
    ["proposals_applied_total", "gauge", "Index of the last applied entry.", facts.proposalsApplied],
    ["proposals_pending", "gauge", "Proposals waiting to be applied.", facts.proposalsPending],
    ["proposals_failed_total", "counter", "Proposals that failed.", facts.proposalsFailed],
    [
      "heartbeat_send_failures_total",
      "counter",
      "Heartbeats of this leader that left more than an interval late.",
      facts.heartbeatsLate,
    ],
    ["slow_apply_total", "counter", "Batches of entries that took over 100 ms to apply.", facts.slowApplies],
    ["slow_read_indexes_total", "counter", "Read rounds that had to be asked again.", facts.slowReads],
    ["read_indexes_failed_total", "counter", "Linearizable reads that timed out.", facts.failedReads],
    ["quota_backend_bytes", "gauge", "Quota of the store in bytes.", facts.quotaBytes],
    [
      "snapshot_apply_in_progress_total",
      "gauge",
      "1 while a received snapshot is being installed.",
      facts.snapshotsBeingApplied,
    ],
  ];
  for (const [name, type, help, read] of rows) {
    registry[type](`etcd_server_${name}`, help, () => Number(read.call(facts)));
  }
  const labelled = (name: string, label: string, what: string, value: () => string): void => {
    registry.gauge(name, `1, labelled with ${what}.`, () => [{ labels: { [label]: value() }, value: 1 }]);
  };
  labelled("etcd_server_version", "server_version", "the version of this server", () => serverVersion);
  labelled("etcd_server_id", "server_id", "the member id", () => facts.memberId);
  labelled("etcd_server_go_version", "server_go_version", "the runtime's version", () => process.version);
  registry.gauge("etcd_cluster_version", "1, labelled with the version of the cluster.", () =>
    facts.clusterDecided()
      ? [{ labels: { cluster_version: clusterVersion.replace(/\.\d+$/, "") }, value: 1 }]
      : [],
  );
}
