/**
 * The fence on a systemd host. Three units of our own, made once per boot:
 *
 *     argosy-lease.target    active while units may run; each of our units has Requisite= on it: it does not start while the
 *                            target is inactive, and is stopped when the target stops
 *     argosy-fence.target    Conflicts= with the lease, so that starting it ends the lease
 *     argosy-fence@N.timer   wants the lease, and starts the fence N microseconds after systemd's own start
 *
 * Arming is one call: start the timer for the new instant. Lease and timer begin in the same transaction, and the instant
 * is absolute, so a process that was frozen anywhere in between gets a timer that has elapsed and a fence that is shut, not
 * a lease without an end. Then the former timers are stopped. systemd fires the timer whether or not we still live.
 */
import type { Instant } from "../../base/ids.ts";
import { UnitsError } from "../../units/errors.ts";
import type { SystemdManager } from "./manager.ts";

export const leaseTarget = "argosy-lease.target";
export const fenceTarget = "argosy-fence.target";
const timerPrefix = "argosy-fence@";

/** Unit files to be written into systemd's runtime directory, by name. */
export const fenceFiles: Readonly<Record<string, string>> = {
  [leaseTarget]: "[Unit]\nDescription=Argosy: units may run on this host\n",
  [fenceTarget]: `[Unit]\nDescription=Argosy: fence, units may not run on this host\nConflicts=${leaseTarget}\n`,
  [`${timerPrefix}.timer`]: [
    "[Unit]",
    "Description=Argosy: end of the confirmed time",
    `Wants=${leaseTarget}`,
    // The timer counts as started only when the lease is: then units may start.
    `After=${leaseTarget}`,
    "CollectMode=inactive-or-failed",
    "[Timer]",
    "OnStartupSec=%ius",
    "AccuracySec=10ms",
    "RemainAfterElapse=no",
    `Unit=${fenceTarget}`,
    "",
  ].join("\n"),
};

/** The drop-in that puts one of our units behind the fence. */
export const behindFence = `[Unit]\nRequisite=${leaseTarget}\nAfter=${leaseTarget}\n`;

/** What the fence needs of systemd. */
export type FenceManager = Pick<
  SystemdManager,
  "unitProperty" | "states" | "namesLike" | "startAndWait" | "stopAndWait"
>;

/** The fence at one moment. */
export interface FenceState {
  /** Units may run. Also true while the lease waits to be stopped. */
  readonly open: boolean;
  /** It fired, and was not opened since. */
  readonly shut: boolean;
  /** When it fired last, on CLOCK_MONOTONIC in microseconds; 0: not since the target was loaded. */
  readonly firedAt: bigint;
  /** systemd's id of this activation of the lease; empty if there is none. */
  readonly invocation: string;
}

/** A text that is the same as long as the lease has not ended. A lease can be opened again before it was ever seen closed. */
export function epochOf({ invocation, firedAt }: FenceState): string {
  return `${invocation} ${firedAt}`;
}

export class Fence {
  readonly #manager: FenceManager;
  /** Microseconds to add to an Instant, in microseconds, to get the timer's N. */
  readonly #offset: bigint;
  #timers: Set<string> | null = null;

  constructor(
    options: { startupMicroseconds: bigint; now: Instant; monotonicNanoseconds: bigint },
    manager: FenceManager,
  ) {
    this.#manager = manager;
    const now = BigInt(Math.floor(options.now * 1000));
    this.#offset = options.monotonicNanoseconds / 1000n - now - options.startupMicroseconds;
  }

  /** Fired is asked first: if the fence fires meanwhile, the answer is older than that, and differs from the next one. */
  async state(): Promise<FenceState> {
    const [firedAt, id, states] = await Promise.all([
      this.#manager.unitProperty(fenceTarget, "ActiveEnterTimestampMonotonic"),
      this.#manager.unitProperty(leaseTarget, "InvocationID"),
      this.#manager.states([leaseTarget, fenceTarget]),
    ]);
    return {
      firedAt: typeof firedAt === "bigint" ? firedAt : 0n,
      invocation: Buffer.from(Array.isArray(id) ? (id as number[]) : []).toString("hex"),
      open: states.get(leaseTarget)?.active === "active",
      shut: states.get(fenceTarget)?.active === "active",
    };
  }

  /** Throws DbusError, or UnitsError if systemd did not do it; the former instant then stands. */
  async arm(until: Instant): Promise<void> {
    this.#timers ??= new Set(await this.#manager.namesLike(`${timerPrefix}*.timer`));
    const at = BigInt(Math.floor(until * 1000)) + this.#offset;
    const timer = `${timerPrefix}${at < 0n ? 0n : at}.timer`;
    const result = await this.#manager.startAndWait(timer);
    if (result !== "done") {
      const detail = { code: "units.driver-failed", unit: "", step: "arm" } as const;
      throw new UnitsError(`the fence's timer was not started: "${result}"`, detail);
    }
    const former = [...this.#timers].filter((name) => name !== timer);
    this.#timers.add(timer);
    for (const name of former) {
      await this.#manager.stopAndWait(name).catch(() => {});
      this.#timers.delete(name);
    }
  }
}
