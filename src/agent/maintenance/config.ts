/** The flags of maintenance and monitoring (etcd.md 15.2, 17.9, 17.11). */
import {
  boolean,
  ConfigError,
  duration,
  type ListenAddress,
  listenAddress,
  oneOf,
  type RunFlags,
  urls,
} from "../config.ts";
import type { AutoCompactionPolicy } from "./auto-compaction.ts";

export interface MaintenanceConfig {
  /** Null: the store is compacted only when somebody asks. */
  readonly autoCompaction: AutoCompactionPolicy | null;
  readonly initialCorruptCheck: boolean;
  /** How often the leader compares the members' data; 0: never. */
  readonly corruptCheckMs: number;
  /** How often the leader looks for a compaction to compare at; 0: never. */
  readonly compactHashCheckMs: number;
}

const hourMs = 3_600_000;
const durationMaxMs = 10_000 * hourMs;
const anyDuration = { min: 0, max: durationMaxMs };

/** Throws ConfigError. */
export function parseMaintenance(flags: RunFlags): MaintenanceConfig {
  const compactHashCheckMs = duration(flags, "compact-hash-check-time", 60_000, {
    min: 1,
    max: durationMaxMs,
  });
  return {
    autoCompaction: parseAutoCompaction(flags),
    initialCorruptCheck: boolean(flags, "initial-corrupt-check", false),
    corruptCheckMs: duration(withUnit(flags, "corrupt-check-time"), "corrupt-check-time", 0, anyDuration),
    compactHashCheckMs: boolean(flags, "compact-hash-check-enabled", false) ? compactHashCheckMs : 0,
  };
}

/** `--metrics` and `--listen-metrics-urls`. Throws ConfigError. */
export function parseMetrics(flags: RunFlags): { extensive: boolean; listen: ListenAddress[] } {
  const listen = flags["listen-metrics-urls"];
  return {
    extensive: oneOf(flags, "metrics", ["basic", "extensive"] as const, "basic") === "extensive",
    listen: listen
      ? urls("listen-metrics-urls", listen).map((url) => listenAddress("listen-metrics-urls", url))
      : [],
  };
}

const retention = "auto-compaction-retention";

function parseAutoCompaction(flags: RunFlags): AutoCompactionPolicy | null {
  const mode = oneOf(flags, "auto-compaction-mode", ["periodic", "revision"] as const, "periodic");
  const text = flags[retention] ?? "0";
  const isNumber = /^\d+$/.test(text);
  if (isNumber && Number(text) === 0) return null;
  if (mode === "revision") {
    if (isNumber && Number.isSafeInteger(Number(text))) return { mode, keep: Number(text) };
    throw new ConfigError(retention, `"${text}" is not a number of revisions to keep`);
  }
  const given = isNumber ? { [retention]: `${text}h` } : flags;
  const periodMs = duration(given, retention, 0, anyDuration);
  return periodMs === 0 ? null : { mode, periodMs };
}

/** Go takes a bare 0 for a duration. */
function withUnit(flags: RunFlags, flag: string): RunFlags {
  return flags[flag] === "0" ? { ...flags, [flag]: "0s" } : flags;
}
