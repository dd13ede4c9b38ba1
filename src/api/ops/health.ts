/**
 * GET /health (etcd.md section 13): alarms, then leader, then a read; the first that fails is the reason. And the read that
 * /livez and /readyz are made of.
 */
import { messageOf } from "../../base/errors.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock } from "../../base/ports.ts";
import { type KvClient, KvError } from "../../store/kv.ts";
import { statusOfKvError } from "../../store/wire/status.ts";

/** etcd's own: the time a proposal or linearizable read may take (etcd.md section 11). */
const readTimeoutMs = 7_000;

/** Names of the alarms that a store may raise. */
export type AlarmName = "NOSPACE" | "CORRUPT";

export interface HealthSources {
  readonly kv: KvClient;
  readonly clock: Clock;
  hasLeader(): boolean;
  /** The active alarms. */
  alarms(): readonly AlarmName[];
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
  const failure = await readFailure(sources, query.serializable);
  return failure === "" ? "" : `RANGE ERROR:${failure}`;
}

/**
 * Reads one key; the text of what went wrong, or empty. A store that refuses the reader (auth is on, and this agent is only a
 * client of it) has answered, and that is all that is asked.
 */
export async function readFailure(
  { kv, clock }: Pick<HealthSources, "kv" | "clock">,
  serializable: boolean,
): Promise<string> {
  const limit = new AbortController();
  const timer = clock.at(Instant(clock.now() + readTimeoutMs), () => limit.abort());
  try {
    const request = { key: Buffer.from("health"), limit: 1, keys_only: true, serializable };
    await kv.range(request, { signal: limit.signal });
    return "";
  } catch (error) {
    if (limit.signal.aborted) return statusOfKvError(new KvError("kv.timeout")).message;
    if (!(error instanceof KvError)) return messageOf(error);
    return error.code.startsWith("auth.") ? "" : statusOfKvError(error).message;
  } finally {
    timer.cancel();
  }
}
