/** Counters of the health endpoints (etcd.md section 16, row 14), and of each check of /livez and /readyz. */
import { type CheckObserver, healthChecks } from "./checks.ts";
import type { MetricRegistry } from "./metric-registry.ts";
import type { Labels } from "./metric-text.ts";

interface CheckCount {
  readonly labels: Labels;
  succeeded: number;
  failed: number;
  lastOk: boolean;
}

/** Where /health, /livez and /readyz report. */
export interface HealthObserver {
  health(ok: boolean): void;
  readonly check: CheckObserver;
}

export function healthMetrics(registry: MetricRegistry): HealthObserver {
  let successes = 0;
  let failures = 0;
  const checks = new Map<string, CheckCount>();
  for (const [probe, named] of Object.entries(healthChecks)) {
    for (const name of Object.keys(named)) {
      checks.set(`${probe}/${name}`, {
        labels: { name, type: `/${probe}` },
        succeeded: 0,
        failed: 0,
        lastOk: false,
      });
    }
  }
  registry.counter("etcd_server_health_success", "Successful answers of /health.", () => successes);
  registry.counter("etcd_server_health_failures", "Failed answers of /health.", () => failures);
  registry.gauge("etcd_server_healthcheck", "1 if the check was good when it last ran.", () =>
    [...checks.values()].map(({ labels, lastOk }) => ({ labels, value: lastOk ? 1 : 0 })),
  );
  registry.counter("etcd_server_healthchecks_total", "Runs of each check by how they ended.", () =>
    [...checks.values()].flatMap(({ labels, succeeded, failed }) => [
      { labels: { ...labels, status: "success" }, value: succeeded },
      { labels: { ...labels, status: "error" }, value: failed },
    ]),
  );
  return {
    health(ok) {
      if (ok) successes++;
      else failures++;
    },
    check(probe, name, ok) {
      const count = checks.get(`${probe}/${name}`)!;
      if (ok) count.succeeded++;
      else count.failed++;
      count.lastOk = ok;
    },
  };
}
