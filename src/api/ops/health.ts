/** GET /health (etcd.md section 13): alarms, then leader, then a read; the first that fails is the reason. */
import { messageOf } from "../../base/errors.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock } from "../../base/ports.ts";
import { type KvClient, KvError } from "../../store/kv.ts";
import { statusOfKvError } from "../../store/wire/status.ts";

/** etcd's own: the time a proposal or linearizable read may take (etcd.md section 11). */
const readTimeoutMs = 7_000;

export interface HealthSources {
  readonly kv: KvClient;
  readonly clock: Clock;
  hasLeader(): boolean;
  /** Names of the active alarms, `NOSPACE` or `CORRUPT`. */
  alarms(): readonly string[];
}

export interface HealthQuery {
  readonly serializable: boolean;
  /** Alarms that do not count. Unknown names are ignored. */
  readonly exclude: readonly string[];
}

/** Empty when healthy, else etcd's reason text. */
export async function healthReason(sources: HealthSources, query: HealthQuery): Promise<string> {
  const alarm = sources.alarms().find((each) => !query.exclude.includes(each));
  if (alarm !== undefined) return `ALARM ${alarm}`;
  if (!query.serializable && !sources.hasLeader()) return "RAFT NO LEADER";
  const timeout = new AbortController();
  const timer = sources.clock.at(Instant(sources.clock.now() + readTimeoutMs), () => timeout.abort());
  try {
    const request = { key: Buffer.from("health"), limit: 1, serializable: query.serializable };
    await sources.kv.range(request, { signal: timeout.signal });
    return "";
  } catch (error) {
    const text = error instanceof KvError ? statusOfKvError(error).message : messageOf(error);
    return `RANGE ERROR:${text}`;
  } finally {
    timer.cancel();
  }
}
