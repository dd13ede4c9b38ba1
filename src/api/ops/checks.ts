/**
 * /livez and /readyz (etcd.md section 13): named checks, run in order and all of them. The body is `ok`, or a line for each
 * check when one has failed or `?verbose` asks for it. `?exclude=NAME` leaves one out; `/readyz/NAME` runs one alone.
 */
import { type AlarmName, type HealthSources, readFailure } from "./health.ts";

/** The text of what is wrong, or empty. */
type Check = (sources: HealthSources) => Promise<string>;

/** The endpoints and their checks, in the order in which they are reported. */
export const healthChecks: Readonly<Record<"livez" | "readyz", Readonly<Record<string, Check>>>> = {
  livez: { serializable_read: (sources) => readFailure(sources, true) },
  readyz: {
    data_corruption: async (sources) => alarmFailure(sources, "CORRUPT"),
    serializable_read: (sources) => readFailure(sources, true),
    linearizable_read: (sources) => readFailure(sources, false),
  },
};
export type Probe = keyof typeof healthChecks;

function alarmFailure(sources: HealthSources, alarm: AlarmName): string {
  return sources.alarms().includes(alarm) ? `alarm activated: ${alarm}` : "";
}

export interface ProbeResult {
  readonly ok: boolean;
  /** A line for each check that ran. */
  readonly report: string;
}

/** Told how each check ended. */
export type CheckObserver = (probe: Probe, name: string, ok: boolean) => void;

/** Runs the checks of `probe` that `wanted` lets through. */
export async function runChecks(
  probe: Probe,
  wanted: (name: string) => boolean,
  sources: HealthSources,
  observe: CheckObserver,
): Promise<ProbeResult> {
  let ok = true;
  let report = "";
  for (const [name, check] of Object.entries(healthChecks[probe])) {
    if (!wanted(name)) continue;
    const failure = await check(sources);
    observe(probe, name, failure === "");
    if (failure === "") report += `[+]${name} ok\n`;
    else {
      ok = false;
      report += `[-]${name} failed: ${failure}\n`;
    }
  }
  return { ok, report };
}
