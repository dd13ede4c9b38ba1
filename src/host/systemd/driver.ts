/**
 * UnitDriver on systemd (fleet.md 9): write, link, enable, one reload for all that is loaded at the same time, start; states
 * come by signal. It calls no program. See fence.ts for what happens when nobody is left to call it.
 */
import { messageOf } from "../../base/errors.ts";
import type { Instant } from "../../base/ids.ts";
import type { Clock } from "../../base/ports.ts";
import type { DriverEvent, FoundUnit, UnitDriver } from "../../units/driver.ts";
import { type DriverStep, UnitsError } from "../../units/errors.ts";
import { type SystemdState, unknownState } from "../../units/state.ts";
import { isReservedUnitName } from "../../units/unit-name.ts";
import type { DbusConnection } from "../dbus/connection.ts";
import { remoteErrorName } from "../dbus/errors.ts";
import { epochOf, Fence, type FenceState, fenceFiles, fenceTarget, leaseTarget } from "./fence.ts";
import type { HostLock } from "./host-lock.ts";
import { SystemdManager } from "./manager.ts";
import { SharedRun } from "./shared-run.ts";
import { UnitFiles, type UnitFilesOptions } from "./unit-files.ts";

const noSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";
/** Active states in which a unit has ended. */
const ended = new Set(["inactive", "failed"]);

export interface SystemdDriverModules {
  readonly connection: DbusConnection;
  readonly clock: Clock;
  /** Released when the driver is closed. */
  readonly lock?: HostLock;
}

/** Prepares systemd and gives the driver. Throws DbusError or a file error; connection and lock are then still open. */
export async function openSystemdDriver(
  options: UnitFilesOptions,
  modules: SystemdDriverModules,
): Promise<SystemdDriver> {
  const files = new UnitFiles(options);
  const driver = new SystemdDriver({ ...modules, files });
  await driver.open();
  return driver;
}

export class SystemdDriver implements UnitDriver {
  readonly #connection: DbusConnection;
  readonly #lock: HostLock | null;
  readonly #clock: Clock;
  readonly #files: UnitFiles;
  readonly #manager: SystemdManager;
  readonly #reload: SharedRun;
  readonly #refresh: SharedRun;
  readonly #followed = new Set<string>();
  readonly #stale = new Set<string>();
  #fence: Fence | null = null;
  #fenceState: FenceState | null = null;
  #listener: ((event: DriverEvent) => void) | null = null;
  #closed = false;

  constructor(modules: SystemdDriverModules & { files: UnitFiles }) {
    this.#connection = modules.connection;
    this.#lock = modules.lock ?? null;
    this.#clock = modules.clock;
    this.#files = modules.files;
    this.#manager = new SystemdManager({
      connection: modules.connection,
      listener: {
        unitChanged: (unit) => this.#changed([unit]),
        jobRemoved: (unit, result) => this.#jobRemoved(unit, result),
        reloaded: () => this.#changed(this.#followed),
      },
    });
    this.#reload = new SharedRun(() => this.#manager.reload());
    this.#refresh = new SharedRun(() => this.#readStale());
  }

  async open(): Promise<void> {
    await this.#manager.subscribe();
    if (await this.#files.provide(fenceFiles)) await this.#manager.reload();
    const startupMicroseconds = await this.#manager.startupMicroseconds();
    const monotonicNanoseconds = process.hrtime.bigint();
    const options = { startupMicroseconds, monotonicNanoseconds, now: this.#clock.now() };
    this.#fence = new Fence(options, this.#manager);
    this.#manager.follow(leaseTarget);
    this.#fenceState = await this.#fence.state();
    this.#connection.onClose(() => {
      if (!this.#closed) this.#emit({ type: "lost", reason: "the connection to systemd closed" });
    });
  }

  listen(listener: (event: DriverEvent) => void): void {
    this.#listener = listener;
  }

  inventory(): Promise<FoundUnit[]> {
    return this.#step("inventory", "", async () => {
      const found = await this.#files.list();
      const marks = await Promise.all(found.map(({ name }) => this.#files.launchedUnder(name)));
      const names = found.map(({ name }) => name);
      for (const name of names) this.#follow(name);
      const { states, fence } = await this.#statesUnderOneFence(names);
      return found.map(({ name, text }, i) => {
        const state = states.get(name) ?? unknownState;
        // A mark from before the fence fired says nothing any more.
        const marked = fence.open && !fence.shut && marks[i] === epochOf(fence);
        // What runs without a mark was started by a process that died before it could make one.
        const runs = !fence.shut && !ended.has(state.active) && state.active !== "deactivating";
        return { name, text, state, launched: marked || runs };
      });
    });
  }

  /** States of units, and a fence that did not fire while they were asked for. */
  async #statesUnderOneFence(
    units: readonly string[],
  ): Promise<{ states: Map<string, SystemdState>; fence: FenceState }> {
    for (let before = await this.#fence!.state(); ; ) {
      const states = await this.#manager.states(units);
      const fence = await this.#fence!.state();
      if (epochOf(before) === epochOf(fence) && before.open === fence.open && before.shut === fence.shut)
        return { states, fence };
      before = fence;
    }
  }

  load(unit: string, text: string): Promise<void> {
    return this.#step("load", unit, async () => {
      refuseReserved(unit, "load");
      await this.#files.write(unit, text);
      await this.#manager.link([this.#files.path(unit)]);
      if (/^\[Install\]$/m.test(text)) await this.#manager.enable([this.#files.path(unit)]);
      this.#follow(unit);
      await this.#reload.run();
      this.#changed([unit]);
    });
  }

  start(unit: string): Promise<void> {
    return this.#step("start", unit, async () => {
      refuseReserved(unit, "start");
      // From before the start: if the fence fires between the two, the mark is one of the former lease.
      const epoch = this.#fenceState ? epochOf(this.#fenceState) : "";
      try {
        await this.#manager.start(unit);
      } catch (error) {
        // Its file may have vanished, which systemd tells nobody.
        this.#changed([unit]);
        throw error;
      }
      await this.#files.markLaunched(unit, epoch);
    });
  }

  stop(unit: string): Promise<void> {
    return this.#step("stop", unit, async () => {
      refuseReserved(unit, "stop");
      await this.#files.unmarkLaunched(unit);
      await this.#stopAndCheck(unit);
    });
  }

  unload(unit: string): Promise<void> {
    return this.#step("unload", unit, async () => {
      // It was never loaded, so nothing of it is here; what has this name is ours.
      if (isReservedUnitName(unit)) return;
      await this.#files.unmarkLaunched(unit);
      await this.#stopAndCheck(unit);
      await unlessMissing(this.#manager.disable([unit]));
      await unlessMissing(this.#manager.resetFailed(unit));
      this.#followed.delete(unit);
      this.#manager.unfollow(unit);
      await this.#files.remove(unit);
      await this.#reload.run();
    });
  }

  arm(until: Instant): Promise<void> {
    return this.#step("arm", "", async () => {
      await this.#fence!.arm(until);
      // Before this resolves: a fence that fired meanwhile is told first, and starts are marked with the new lease.
      await this.#readFence();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#connection.close();
    await this.#lock?.release();
  }

  async #stopAndCheck(unit: string): Promise<void> {
    const result = await this.#manager.stopAndWait(unit).catch((error: unknown) => {
      if (remoteErrorName(error) === noSuchUnit) return "done";
      throw error;
    });
    const state = (await this.#manager.states([unit])).get(unit);
    if (state && !ended.has(state.active)) {
      throw new UnitsError(`stop job ended with "${result}", the unit is ${state.active}`, {
        code: "units.driver-failed",
        unit,
        step: "stop",
      });
    }
  }

  #follow(unit: string): void {
    this.#followed.add(unit);
    this.#manager.follow(unit);
  }

  #jobRemoved(unit: string, result: string): void {
    // Fired or opened. The lease need not have been seen to end: it waits for the slowest unit, and arming may overtake it.
    if (unit === fenceTarget) this.#readFence().catch(() => {});
    // A start that met a shut fence: whoever counted the unit as launched must count again.
    if (result === "dependency" && this.#followed.has(unit) && !this.#fenceState?.open)
      this.#emit({ type: "fenced" });
  }

  #changed(units: Iterable<string>): void {
    for (const unit of units) this.#stale.add(unit);
    if (this.#stale.size > 0 && !this.#closed) this.#refresh.run().catch(() => {});
  }

  async #readStale(): Promise<void> {
    const units = [...this.#stale];
    this.#stale.clear();
    if (units.length === 0) return;
    if (units.includes(leaseTarget)) await this.#readFence();
    const states = await this.#manager.states(units);
    for (const unit of units) {
      const state = states.get(unit);
      if (state && this.#followed.has(unit)) this.#emit({ type: "state", unit, state });
    }
  }

  async #readFence(): Promise<void> {
    const state = await this.#fence!.state();
    const former = this.#fenceState;
    // Of two answers on their way at once the older one may be looked at last.
    if (former && state.firedAt < former.firedAt) return;
    this.#fenceState = state;
    if (former && endedSince(former, state)) this.#emit({ type: "fenced" });
  }

  #emit(event: DriverEvent): void {
    if (!this.#closed) this.#listener?.(event);
  }

  async #step<Result>(step: DriverStep, unit: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof UnitsError) throw cause;
      const message = `systemd, ${step} ${unit}: ${messageOf(cause)}`;
      throw new UnitsError(message, { code: "units.driver-failed", unit, step }, { cause });
    }
  }
}

/** Whether the lease of `former` has ended. It may be open again, and that by another activation, or never seen closed. */
function endedSince(former: FenceState, state: FenceState): boolean {
  if (state.firedAt > former.firedAt) return true;
  return former.open && (!state.open || state.invocation !== former.invocation);
}

function refuseReserved(unit: string, step: DriverStep): void {
  if (!isReservedUnitName(unit)) return;
  const message = `${unit}: names that begin with "argosy-" are the agent's own`;
  throw new UnitsError(message, { code: "units.driver-failed", unit, step });
}

async function unlessMissing(call: Promise<void>): Promise<void> {
  try {
    await call;
  } catch (error) {
    const name = remoteErrorName(error);
    if (name !== noSuchUnit && name !== "org.freedesktop.DBus.Error.FileNotFound") throw error;
  }
}
