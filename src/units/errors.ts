/** Operating errors of the unit scheduler. */
import { AgentError } from "../base/errors.ts";

export type UnitsErrorDetail =
  /** Text that is no unit file (fleet.md 3.2). `line` counts from 1. */
  | { readonly code: "units.file-malformed"; readonly line: number }
  /** A unit name that breaks a rule (fleet.md 3.1). */
  | { readonly code: "units.name-invalid"; readonly name: string }
  /** Options of [X-Fleet] that contradict each other or that are not supported (fleet.md 4.3). */
  | { readonly code: "units.options-invalid" }
  /** A driver could not carry out one step for one unit. It may be tried again. */
  | { readonly code: "units.driver-failed"; readonly unit: string; readonly step: DriverStep }
  /** The driver lost its service manager; everything known from it is stale. */
  | { readonly code: "units.driver-lost" }
  /** No leader is known or reachable, so machines and unit states are not known either. */
  | { readonly code: "units.no-leader" };

export type DriverStep = "load" | "start" | "stop" | "unload" | "arm" | "inventory";

/** Thrown by units/ and by the drivers. The message of the three input errors is what fleet's API answers. */
export class UnitsError extends AgentError<UnitsErrorDetail> {
  override readonly name = "UnitsError";
}
