/** systemd's manager object over D-Bus (fleet.md 9): the few calls that we make, typed; jobs awaited by their signal. */

import type { SystemdState } from "../../units/state.ts";
import type { DbusConnection, DbusTarget } from "../dbus/connection.ts";
import { DbusError } from "../dbus/errors.ts";
import type { DbusMessage } from "../dbus/message.ts";
import { type DbusValue, Variant } from "../dbus/type.ts";

const destination = "org.freedesktop.systemd1";
const managerTarget: DbusTarget = {
  destination,
  path: "/org/freedesktop/systemd1",
  interface: "org.freedesktop.systemd1.Manager",
};
const propertiesInterface = "org.freedesktop.DBus.Properties";
const unitInterface = "org.freedesktop.systemd1.Unit";
const unitPathPrefix = "/org/freedesktop/systemd1/unit/";

/** How a job ended: done, canceled, timeout, failed, dependency, skipped ... (org.freedesktop.systemd1(5)). */
export type JobResult = string;

export interface ManagerListener {
  /** Something about this unit changed; what, has to be asked. */
  unitChanged(unit: string): void;
  jobRemoved(unit: string, result: JobResult): void;
  /** systemd is about to re-read, or has re-read, all unit files: load states may differ. */
  reloaded(): void;
}

interface PendingJob {
  resolve(result: JobResult): void;
  reject(error: DbusError): void;
}

export class SystemdManager {
  readonly #connection: DbusConnection;
  readonly #jobs = new Map<string, PendingJob>();
  /** Results of jobs that ended before the answer that named them was looked at. */
  readonly #ended = new Map<string, JobResult>();
  readonly #pathToUnit = new Map<string, string>();
  #callsForJobs = 0;

  constructor(modules: { connection: DbusConnection; listener: ManagerListener }) {
    this.#connection = modules.connection;
    this.#connection.onSignal((signal) => this.#signal(signal, modules.listener));
    this.#connection.onClose(() => this.#closed());
  }

  /** Turns signals on. */
  async subscribe(): Promise<void> {
    const from = `type='signal',sender='${destination}'`;
    await this.#connection.match(`${from},interface='${managerTarget.interface}'`);
    await this.#connection.match(
      `${from},interface='${propertiesInterface}',path_namespace='/org/freedesktop/systemd1/unit'`,
    );
    await this.#call("Subscribe");
  }

  /** Reports changes of this unit from now on. */
  follow(unit: string): void {
    this.#pathToUnit.set(unitPathPrefix + escapePathPart(unit), unit);
  }

  unfollow(unit: string): void {
    this.#pathToUnit.delete(unitPathPrefix + escapePathPart(unit));
  }

  /** When this systemd began, on CLOCK_MONOTONIC in microseconds: what OnStartupSec= counts from. */
  async startupMicroseconds(): Promise<bigint> {
    const target = { ...managerTarget, interface: propertiesInterface };
    const [value] = await this.#connection.call(target, "Get", "ss", [
      managerTarget.interface,
      "UserspaceTimestampMonotonic",
    ]);
    if (!(value instanceof Variant) || typeof value.value !== "bigint")
      throw unexpected("UserspaceTimestampMonotonic");
    return value.value;
  }

  /** A property of any unit; systemd loads the unit for this if it has to. */
  async unitProperty(unit: string, name: string): Promise<DbusValue> {
    const path = unitPathPrefix + escapePathPart(unit);
    const target = { destination, path, interface: propertiesInterface };
    const [value] = await this.#connection.call(target, "Get", "ss", [unitInterface, name]);
    if (!(value instanceof Variant)) throw unexpected(name);
    return value.value;
  }

  async states(units: readonly string[]): Promise<Map<string, SystemdState>> {
    const [list] = await this.#call("ListUnitsByNames", "as", [units]);
    return new Map(unitRows(list).map(([name, , load, active, sub]) => [name, { load, active, sub }]));
  }

  /** Names of loaded units that match a pattern. */
  async namesLike(pattern: string): Promise<string[]> {
    const [list] = await this.#call("ListUnitsByPatterns", "asas", [[], [pattern]]);
    return unitRows(list).map(([name]) => name);
  }

  async link(paths: readonly string[]): Promise<void> {
    await this.#call("LinkUnitFiles", "asbb", [paths, true, true]);
  }

  /** False: the file has no [Install] section. */
  async enable(paths: readonly string[]): Promise<boolean> {
    const [carriesInstallInfo] = await this.#call("EnableUnitFiles", "asbb", [paths, true, true]);
    return carriesInstallInfo === true;
  }

  async disable(units: readonly string[]): Promise<void> {
    await this.#call("DisableUnitFiles", "asb", [units, true]);
  }

  async reload(): Promise<void> {
    await this.#call("Reload");
  }

  async resetFailed(unit: string): Promise<void> {
    await this.#call("ResetFailedUnit", "s", [unit]);
  }

  /** Resolves when systemd has accepted the job. */
  async start(unit: string): Promise<void> {
    await this.#call("StartUnit", "ss", [unit, "replace"]);
  }

  /** Resolves with the result when the job has ended. */
  startAndWait(unit: string): Promise<JobResult> {
    return this.#job("StartUnit", unit);
  }

  /** Resolves with the result when the job has ended. */
  stopAndWait(unit: string): Promise<JobResult> {
    return this.#job("StopUnit", unit);
  }

  async #job(method: "StartUnit" | "StopUnit", unit: string): Promise<JobResult> {
    this.#callsForJobs++;
    try {
      const [path] = await this.#call(method, "ss", [unit, "replace"]);
      if (typeof path !== "string") throw unexpected(method);
      const ended = this.#ended.get(path);
      if (ended !== undefined) return ended;
      return await new Promise((resolve, reject) => this.#jobs.set(path, { resolve, reject }));
    } finally {
      if (--this.#callsForJobs === 0) this.#ended.clear();
    }
  }

  #signal(signal: DbusMessage, listener: ManagerListener): void {
    if (signal.member === "PropertiesChanged") {
      const unit = this.#pathToUnit.get(signal.path);
      if (unit !== undefined) listener.unitChanged(unit);
    } else if (signal.member === "JobRemoved") {
      const [, job, unit, result] = signal.body as [number, string, string, string];
      this.#jobEnded(job, result);
      listener.jobRemoved(unit, result);
    } else if (signal.member === "Reloading" && signal.body[0] === false) listener.reloaded();
  }

  #jobEnded(job: string, result: JobResult): void {
    const waiter = this.#jobs.get(job);
    this.#jobs.delete(job);
    if (waiter) waiter.resolve(result);
    else if (this.#callsForJobs > 0) this.#ended.set(job, result);
  }

  #closed(): void {
    const error = new DbusError("the D-Bus connection closed", { code: "dbus.closed" });
    for (const job of this.#jobs.values()) job.reject(error);
    this.#jobs.clear();
  }

  #call(member: string, signature = "", body: readonly DbusValue[] = []): Promise<readonly DbusValue[]> {
    return this.#connection.call(managerTarget, member, signature, body);
  }
}

type UnitRow = readonly [
  name: string,
  description: string,
  load: string,
  active: string,
  sub: string,
  ...DbusValue[],
];

function unitRows(list: DbusValue | undefined): UnitRow[] {
  if (!Array.isArray(list)) throw unexpected("a list of units");
  return list as unknown as UnitRow[];
}

function unexpected(what: string): DbusError {
  return new DbusError(`systemd's answer has another form than documented: ${what}`, {
    code: "dbus.malformed",
  });
}

/** One part of an object path: everything but letters and digits, and a leading digit, as `_xx` (fleet.md 9). */
export function escapePathPart(text: string): string {
  if (text === "") return "_";
  const hex = (char: string): string =>
    [...Buffer.from(char, "utf8")].map((byte) => `_${byte.toString(16).padStart(2, "0")}`).join("");
  return text.replace(/^[0-9]|[^A-Za-z0-9]/gu, hex);
}
