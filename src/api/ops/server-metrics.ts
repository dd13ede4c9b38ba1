/** etcd's server metrics (etcd.md section 16, rows 1 to 8, 14 to 18, 23), read from the member at each scrape. */

import { exponentialBounds, type MetricRegistry } from "./metrics.ts";
import { clusterVersion, serverVersion } from "./version.ts";

/** What the member tells. All are cheap reads of variables. */
export interface ServerFacts {
  readonly memberId: string;
  hasLeader(): boolean;
  isLeader(): boolean;
  leaderChanges(): number;
  proposalsCommitted(): number;
  proposalsApplied(): number;
  proposalsPending(): number;
  proposalsFailed(): number;
}

/** Registers them and returns where the WAL reports each fsync, in seconds. */
export function serverMetrics(registry: MetricRegistry, facts: ServerFacts): (seconds: number) => void {
  const flag = (value: boolean): number => (value ? 1 : 0);
  const prefix = "etcd_server_";
  registry.gauge(`${prefix}has_leader`, "Whether a leader is known.", () => flag(facts.hasLeader()));
  registry.gauge(`${prefix}is_leader`, "Whether this member leads.", () => flag(facts.isLeader()));
  registry.gauge(`${prefix}is_learner`, "Whether this member is a learner.", () => 0);
  registry.counter(`${prefix}leader_changes_seen_total`, "Changes of the leader seen.", () =>
    facts.leaderChanges(),
  );
  registry.gauge(`${prefix}proposals_committed_total`, "Index of the last committed entry.", () =>
    facts.proposalsCommitted(),
  );
  registry.gauge(`${prefix}proposals_applied_total`, "Index of the last applied entry.", () =>
    facts.proposalsApplied(),
  );
  registry.gauge(`${prefix}proposals_pending`, "Proposals waiting to be committed.", () =>
    facts.proposalsPending(),
  );
  registry.counter(`${prefix}proposals_failed_total`, "Proposals that failed.", () =>
    facts.proposalsFailed(),
  );
  registry.gauge(`${prefix}version`, "1, labelled with the version.", () => [
    { labels: { server_version: serverVersion }, value: 1 },
  ]);
  registry.gauge(`${prefix}id`, "1, labelled with the member id.", () => [
    { labels: { server_id: facts.memberId }, value: 1 },
  ]);
  registry.gauge("etcd_cluster_version", "1, labelled with the cluster version.", () => [
    { labels: { cluster_version: clusterVersion.replace(/\.\d+$/, "") }, value: 1 },
  ]);
  const fsync = registry.histogram(
    "etcd_disk_wal_fsync_duration_seconds",
    "Duration of fsync of the write-ahead log.",
    exponentialBounds(0.001, 2, 14),
  );
  return (seconds) => fsync.observe(seconds);
}
