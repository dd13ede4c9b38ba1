/** What this agent counts: the process from the start, the raft member once there is one. */
import { MetricRegistry } from "../api/ops/metrics.ts";
import { processMetrics } from "../api/ops/process-metrics.ts";
import { serverMetrics } from "../api/ops/server-metrics.ts";
import { hex } from "../base/ids.ts";
import type { Scope } from "../base/scope.ts";
import type { Server } from "./server.ts";

export class MetricsOfAgent {
  readonly registry: MetricRegistry = new MetricRegistry();
  #sync: (seconds: number) => void = () => {};

  constructor(scope: Scope) {
    const stop = processMetrics(this.registry);
    scope.defer(stop);
  }

  /** Where the log reports each synchronous write, in seconds. */
  readonly syncSeconds = (seconds: number): void => this.#sync(seconds);

  observe(server: Server): void {
    const { shell, pending } = server;
    this.#sync = serverMetrics(this.registry, {
      memberId: hex(server.identity.memberId),
      hasLeader: () => shell.leader !== null,
      isLeader: () => shell.role === "leader",
      leaderChanges: () => shell.leaderChanges,
      proposalsCommitted: () => shell.commit,
      proposalsApplied: () => shell.applied,
      proposalsPending: () => pending.size,
      proposalsFailed: () => pending.failed,
    });
  }
}
