/** What this agent counts: the process from the start, the raft member once there is one (docs/metrics.md). */
import { type HealthObserver, healthMetrics } from "../api/ops/health-metrics.ts";
import { MetricRegistry } from "../api/ops/metric-registry.ts";
import { peerMetrics } from "../api/ops/peer-metrics.ts";
import { processMetrics } from "../api/ops/process-metrics.ts";
import { serverMetrics } from "../api/ops/server-metrics.ts";
import { storeMetrics } from "../api/ops/store-metrics.ts";
import { hex } from "../base/ids.ts";
import type { Clock } from "../base/ports.ts";
import type { Scope } from "../base/scope.ts";
import { type ServerMeters, serverMeters } from "./maintenance/server-meters.ts";
import type { Server } from "./server.ts";

/** Bytes that went over the gRPC connections of clients. */
export interface ClientTraffic {
  traffic(): { readonly bytesRead: number; readonly bytesWritten: number };
}

export class MetricsOfAgent {
  readonly registry: MetricRegistry = new MetricRegistry();
  /** Where the health endpoints report. */
  readonly health: HealthObserver = healthMetrics(this.registry);
  /** The gRPC server, once it is open. */
  clients: ClientTraffic | null = null;
  #meters: ServerMeters | null = null;

  constructor(modules: { readonly scope: Scope; readonly clock: Clock }) {
    modules.scope.defer(processMetrics(this.registry, modules.clock));
  }

  /** Where a server reports what it measures; registered when first asked for. */
  serverMeters(): ServerMeters {
    this.#meters ??= serverMeters(this.registry);
    return this.#meters;
  }

  observe(server: Server): void {
    const meters = this.serverMeters();
    const { registry } = this;
    const { apply } = meters;
    const { shell, pending, kv, store, identity, transport } = server;
    const memberId = hex(identity.memberId);
    serverMetrics(registry, {
      memberId,
      hasLeader: () => shell.leader !== null,
      isLeader: () => shell.role === "leader",
      isLearner: () => store.members.get(identity.memberId)?.isLearner === true,
      leaderChanges: () => shell.leaderChanges,
      clusterDecided: () => shell.leaderChanges > 0,
      proposalsCommitted: () => shell.commit,
      proposalsApplied: () => shell.applied,
      proposalsPending: () => pending.size,
      proposalsFailed: () => pending.failed,
      heartbeatsLate: () => shell.heartbeatsLate,
      slowApplies: () => apply.slowBatches,
      slowReads: () => shell.readsSlow,
      failedReads: () => kv.counts.readsTimedOut,
      quotaBytes: () => (Number.isFinite(server.quotaBytes) ? server.quotaBytes : 0),
      snapshotsBeingApplied: () => Number(server.isInstalling()),
    });
    registry.gauge("etcd_disk_wal_write_bytes_total", "Bytes of entries written to the log.", () =>
      server.walBytes(),
    );
    storeMetrics(registry, {
      databaseBytes: () => store.bytesTotal,
      databaseBytesInUse: () => store.bytesInUse,
      openReads: () => store.keyspace.pins.size,
      ranges: () => kv.counts.ranges + apply.ranges,
      puts: () => apply.puts,
      deletes: () => apply.deletes,
      txns: () => kv.counts.readTxns + apply.txns,
      putBytes: () => apply.putBytes,
      keys: () => store.keyspace.index.liveKeys,
      revision: () => store.revision,
      compactRevision: () => store.compactRevision,
      compactedRows: () => meters.compaction.rows,
      watchStreams: () => store.watchStreamCount,
      watchers: () => store.watcherCount,
      slowWatchers: () => store.laggingWatcherCount,
      eventsSent: () => kv.counts.events,
      leasesGranted: () => apply.leasesGranted,
      leasesRevoked: () => apply.leasesRevoked,
      leasesRenewed: () => kv.counts.renewals,
      leasesExpired: () => apply.leasesExpired,
      authRevision: () => store.auth.table.revision,
    });
    peerMetrics(registry, {
      memberId,
      peers: () => transport.traffic().map((traffic) => ({ ...traffic, peer: hex(traffic.peer) })),
      clientBytesSent: () => this.clients?.traffic().bytesWritten ?? 0,
      clientBytesReceived: () => this.clients?.traffic().bytesRead ?? 0,
    });
  }
}
