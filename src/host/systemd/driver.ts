/**
 * UnitDriver on systemd (fleet.md 9): write, link, enable, one reload for all that is loaded at the same time, start; states
 * come by signal. It calls no program. See fence.ts for what happens when nobody is left to call it.
 */
import { messageOf } from "../../base/errors.ts";
import type { Instant } from "../../base/ids.ts";
import type { Clock } from "../../base/ports.ts";
import type { DriverEvent, FoundUnit, UnitDriver } from "../../units/driver.ts";
import { type DriverStep, UnitsError } from "../../units/errors.ts";
import { unknownState } from "../../units/state.ts";
import type { DbusConnection } from "../dbus/connection.ts";
import { remoteErrorName } from "../dbus/errors.ts";
import { Fence, fenceFiles, leaseTarget } from "./fence.ts";
import { SystemdManager } from "./manager.ts";
import { SharedRun } from "./shared-run.ts";
import { UnitFiles, type UnitFilesOptions } from "./unit-files.ts";

const noSuchUnit = "org.freedesktop.systemd1.NoSuchUnit";
/** Active states in which a unit has ended. */
const ended = new Set(["inactive", "failed"]);

/** Prepares systemd and gives the driver. Throws DbusError or a file error; nothing is left running then. */
export async function openSystemdDriver(
  options: UnitFilesOptions,
  modules: { readonly connection: DbusConnection; readonly clock: Clock },
): Promise<SystemdDriver> {
  const files = new UnitFiles(options);
  const driver = new SystemdDriver({ ...modules, files });
  await driver.open();
  return driver;
}

export class SystemdDriver implements UnitDriver {
  readonly #connection: DbusConnection;
  readonly #clock: Clock;
  readonly #files: UnitFiles;
  readonly #manager: SystemdManager;
  readonly #reload: SharedRun;
  readonly #refresh: SharedRun;
  readonly #followed = new Set<string>();
  readonly #stale = new Set<string>();
  #fence: Fence | null = null;
  #leased = false;
  #listener: ((event: DriverEvent) => void) | null = null;
  #closed = false;

  constructor(modules: { connection: DbusConnection; clock: Clock; files: UnitFiles }) {
    this.#connection = modules.connection;
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
    this.#leased = (await this.#manager.states([leaseTarget])).get(leaseTarget)?.active === "active";
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
      const states = await this.#manager.states(found.map(({ name }) => name));
      const units: FoundUnit[] = [];
      for (const { name, text } of found) {
        this.#follow(name);
        const state = states.get(name) ?? unknownState;
        // A mark from before the fence fired says nothing any more.
        const marked = this.#leased && (await this.#files.isLaunched(name));
        units.push({ name, text, state, launched: marked || !ended.has(state.active) });
      }
      return units;
    });
  }

  load(unit: string, text: string): Promise<void> {
    return this.#step("load", unit, async () => {
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
      await this.#manager.start(unit);
      await this.#files.markLaunched(unit);
    });
  }

  stop(unit: string): Promise<void> {
    return this.#step("stop", unit, async () => {
      await this.#files.unmarkLaunched(unit);
      await this.#stopAndCheck(unit);
    });
  }

  unload(unit: string): Promise<void> {
    return this.#step("unload", unit, async () => {
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
      // The lease may have become active without a signal that was seen yet: a fence after this must be noticed.
      await this.#readLease();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#connection.close();
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
    // A start that met a shut fence: whoever counted the unit as launched must count again.
    if (result === "dependency" && this.#followed.has(unit) && !this.#leased) this.#emit({ type: "fenced" });
  }

  #changed(units: Iterable<string>): void {
    for (const unit of units) this.#stale.add(unit);
    if (this.#stale.size > 0 && !this.#closed) this.#refresh.run().catch(() => {});
  }

  async #readStale(): Promise<void> {
    const units = [...this.#stale];
    this.#stale.clear();
    if (units.length === 0) return;
    const states = await this.#manager.states(units);
    for (const unit of units) {
      const state = states.get(unit);
      if (unit === leaseTarget) this.#leaseIs(state?.active === "active");
      else if (state && this.#followed.has(unit)) this.#emit({ type: "state", unit, state });
    }
  }

  async #readLease(): Promise<void> {
    this.#leaseIs((await this.#manager.states([leaseTarget])).get(leaseTarget)?.active === "active");
  }

  #leaseIs(active: boolean): void {
    const fenced = this.#leased && !active;
    this.#leased = active;
    if (fenced) this.#emit({ type: "fenced" });
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

async function unlessMissing(call: Promise<void>): Promise<void> {
  try {
    await call;
  } catch (error) {
    const name = remoteErrorName(error);
    if (name !== noSuchUnit && name !== "org.freedesktop.DBus.Error.FileNotFound") throw error;
  }
}
