/**
 * What a machine tells the engine: who it is, up to which revision of the registry it has acted, and every unit it holds.
 * Sent by POST every `reportPeriodMs` and at once on change; the answer says whether the fence may be moved on.
 */
import type { SystemdState } from "./state.ts";

export interface MachineDescription {
  readonly id: string;
  readonly name: string;
  readonly primaryIp: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A unit that the machine holds, from before it is loaded until after it is unloaded. */
export interface UnitReport extends SystemdState {
  readonly name: string;
  readonly hash: string;
  /** Whether the machine started it and has not stopped it since. */
  readonly launched: boolean;
}

export interface MachineReport {
  readonly machine: MachineDescription;
  /** Tells two hosts with one machine id apart: random, made once per boot and data directory. */
  readonly incarnation: string;
  /** An engine refused it as a duplicate, and none has accepted it since: a new engine must not take it for the first. */
  readonly challenged: boolean;
  /** The machine has acted, or is acting, on everything up to this revision; `units` shows it. */
  readonly revision: number;
  /** The silence after which this machine's own fence has fired for certain. */
  readonly ttlMs: number;
  readonly units: readonly UnitReport[];
}

/** Why a report was not confirmed. */
export type ReportRefusal =
  /** This agent is not the engine, or not any more. */
  | "not-leader"
  /** The machine has to act on the registry up to `revision` first: it may hold units that were given away. */
  | "behind"
  /** Another host with the same machine id reports, and is not gone. */
  | "duplicate-id";

/** What both sides log when that happens. */
export const duplicateIdAdvice =
  "two hosts have the same machine id: give one of them an id of its own (remove /etc/machine-id and run " +
  "systemd-machine-id-setup, then restart the agent); a host that has just been booted again waits one agent TTL";

/** Longest TTL that an engine believes: a day, in milliseconds. */
export const ttlMsMax = 86_400_000;

export type ReportAnswer =
  | { readonly confirmed: true }
  | { readonly confirmed: false; readonly reason: ReportRefusal; readonly revision: number };

/** Time between reports that nothing else causes. */
export function reportPeriodMs(ttlMs: number): number {
  return Math.min(1000, ttlMs / 10);
}

/** How long after the sending of a confirmed report the fence fires at the latest. */
export function fenceMs(ttlMs: number): number {
  return (ttlMs * 2) / 3;
}

/** The fence is moved when that gains at least this much; answers slower than this are ignored. */
export function fenceStepMs(ttlMs: number): number {
  return ttlMs / 6;
}

/** A report from its JSON, or undefined if it is none. */
export function readReport(json: unknown): MachineReport | undefined {
  if (!isRecord(json) || !isRecord(json.machine) || !Array.isArray(json.units)) return undefined;
  const { machine, incarnation, challenged, revision, ttlMs, units } = json;
  if (typeof challenged !== "boolean") return undefined;
  if (typeof incarnation !== "string" || incarnation === "" || !isCount(revision)) return undefined;
  if (typeof ttlMs !== "number" || !(ttlMs > 0 && ttlMs <= ttlMsMax)) return undefined;
  if (!hasTexts(machine, ["id", "name", "primaryIp"]) || machine.id === "") return undefined;
  if (!isRecord(machine.metadata) || !Object.values(machine.metadata).every((v) => typeof v === "string")) {
    return undefined;
  }
  for (const unit of units as unknown[]) {
    if (!isRecord(unit) || typeof unit.launched !== "boolean") return undefined;
    if (!hasTexts(unit, ["name", "hash", "load", "active", "sub"])) return undefined;
  }
  return json as unknown as MachineReport;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function hasTexts(record: Record<string, unknown>, names: readonly string[]): boolean {
  return names.every((name) => typeof record[name] === "string");
}
