/**
 * The units module as the API fronts and the status screen see it. Implemented by agent/units; every agent has one, also
 * one without a driver (it then only answers questions).
 */
import type { Condition } from "./machine-table.ts";
import type { MachineDescription, MachineReport, ReportAnswer, UnitReport } from "./report.ts";
import type { DesiredState } from "./state.ts";
import type { UnitOption } from "./unit-file.ts";

/** A unit as fleet's API shows it (fleet.md 1.3). */
export interface UnitView {
  readonly name: string;
  readonly options: readonly UnitOption[];
  readonly hash: string;
  readonly global: boolean;
  readonly desiredState: DesiredState;
  /** Null for global units. */
  readonly currentState: DesiredState | null;
  /** The machine it is assigned to. */
  readonly machineId: string | null;
}

export interface MachineView extends MachineDescription {
  readonly condition: Condition;
  /** Milliseconds since its last report. */
  readonly lastReportMs: number;
}

/** What the service manager of one machine says of one unit. */
export interface UnitStateView extends UnitReport {
  readonly machineId: string;
}

/** What only the engine knows; other agents ask it. */
export interface ClusterState {
  readonly engine: string;
  readonly machines: readonly MachineView[];
  readonly states: readonly UnitStateView[];
  /** Why wanted units have no machine. */
  readonly waiting: readonly { readonly unit: string; readonly reason: string }[];
}

/** What came of a change to a unit. */
export type UnitChange =
  | { readonly type: "stored"; readonly created: boolean }
  | { readonly type: "refused"; readonly status: 400 | 409; readonly message: string }
  | { readonly type: "missing" };

export interface UnitsService {
  /** All units in name order, as this agent's copy of the registry has them; its own writes are in it. Errors: KvError. */
  units(): Promise<UnitView[]>;
  /** One unit, read from the store. */
  unit(name: string): Promise<UnitView | null>;
  /** Machines that are not gone, in id order. Rejects with `units.no-leader`. */
  machines(): Promise<readonly MachineView[]>;
  /** States of loaded units, by name, then machine. Rejects with `units.no-leader`. */
  states(): Promise<readonly UnitStateView[]>;
  /** Rejects with `units.no-leader`. */
  clusterState(): Promise<ClusterState>;
  /** PUT of fleet's API from its third check on (fleet.md 1.5). `desired` is as given, undefined if it was not. */
  putUnit(name: string, options: readonly UnitOption[], desired: string | undefined): Promise<UnitChange>;
  deleteUnit(name: string): Promise<UnitChange>;
  /** A machine reports to the engine, which must be this agent for the answer to be a confirmation. */
  report(report: MachineReport): Promise<ReportAnswer>;
  /** What the engine on this agent knows; null when the engine is elsewhere. */
  ownClusterState(): ClusterState | null;
}
