/**
 * What the process and its loop say of themselves (etcd.md section 16, row 41), and the delay of the shared loop, which is a
 * metric, an alarm and a bench figure from the first day (design.md, "The shared loop").
 */
import { readFileSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Clock } from "../../base/ports.ts";
import type { MetricRegistry } from "./metric-registry.ts";
import type { Reading } from "./metric-text.ts";

/** Granularity of the loop measurement: fine enough for a 50 ms alarm, coarse enough to let an idle agent sleep. */
const delayResolutionMs = 20;
const nanosecondsPerSecond = 1e9;

/** Registers the process's metrics. Returns what stops the loop measurement. */
export function processMetrics(registry: MetricRegistry, clock: Clock): () => void {
  const startedS = clock.wallMs() / 1000 - process.uptime();
  registry.counter("process_cpu_seconds_total", "User and system CPU time in seconds.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  registry.gauge("process_resident_memory_bytes", "Resident memory in bytes.", () =>
    process.memoryUsage.rss(),
  );
  registry.gauge("process_start_time_seconds", "Start of the process, seconds since 1970.", () => startedS);
  let open: number | null = null;
  const openFiles = (): Reading => open ?? [];
  registry.beforeScrape(async () => {
    open = await countOpenFiles().catch(() => null);
  });
  registry.gauge("process_open_fds", "Open file descriptors.", openFiles);
  registry.gauge("process_max_fds", "Maximum of open file descriptors.", openFilesMax);
  registry.gauge("os_fd_used", "Open file descriptors.", openFiles);
  registry.gauge("os_fd_limit", "Maximum of open file descriptors.", openFilesMax);
  return eventLoopDelay(registry);
}

/** Delay beyond the measuring timer's own period, as quantiles since the start of the process. */
function eventLoopDelay(registry: MetricRegistry): () => void {
  const delay = monitorEventLoopDelay({ resolution: delayResolutionMs });
  delay.enable();
  const seconds = (nanoseconds: number): number =>
    Math.max(0, nanoseconds / nanosecondsPerSecond - delayResolutionMs / 1000);
  registry.summary("argosy_event_loop_delay_seconds", "How late the event loop runs its timers.", () =>
    [50, 90, 99, 99.9, 100].map((percent) => ({
      labels: { quantile: String(Number((percent / 100).toFixed(4))) },
      value: delay.count === 0 ? 0 : seconds(delay.percentile(percent)),
    })),
  );
  return () => void delay.disable();
}

/**
 * From Linux 6.2 on the size of the directory is their number. Before, its entries are listed, in a thread of the pool: with
 * the connections of ten thousand clients that takes some 15 ms.
 */
async function countOpenFiles(): Promise<number> {
  const directory = "/proc/self/fd";
  return (await stat(directory)).size || (await readdir(directory)).length;
}

/** The soft limit of open files, from /proc/self/limits; `unlimited` is infinity. */
export function openFilesMax(): number {
  const line = /^Max open files\s+(\S+)/m.exec(readFileSync("/proc/self/limits", "latin1"));
  return line === null || line[1] === "unlimited" ? Number.POSITIVE_INFINITY : Number(line[1]);
}
