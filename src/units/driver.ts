/**
 * The port to whatever runs units on this host: systemd (host/systemd), later the embedded supervisor.
 * test/conformance/unit-driver.ts is its meaning.
 */
import type { Instant } from "../base/ids.ts";
import type { SystemdState } from "./state.ts";

/** A unit of ours that was found on the host. */
export interface FoundUnit {
  readonly name: string;
  /** The file as it lies there. */
  readonly text: string;
  /** Whether it was started by us and not stopped by us or by the fence since; it may have ended by itself. */
  readonly launched: boolean;
  readonly state: SystemdState;
}

export type DriverEvent =
  | { readonly type: "state"; readonly unit: string; readonly state: SystemdState }
  /** The fence fired, or a start met it closed: all our units have stopped, and none counts as launched any more. */
  | { readonly type: "fenced" }
  /** The service manager is gone; the driver is of no further use. */
  | { readonly type: "lost"; readonly reason: string };

/**
 * Steps for one unit may run beside steps for others, never beside each other. Each rejects with UnitsError
 * `units.driver-failed` and may then be repeated: every step is idempotent.
 */
export interface UnitDriver {
  /** Units of ours that an earlier process left here, running or not. */
  inventory(): Promise<FoundUnit[]>;
  /** Makes the file known to the service manager. */
  load(unit: string, text: string): Promise<void>;
  /** Starts a loaded unit; resolves when the start is accepted, not when it has succeeded: see the state. */
  start(unit: string): Promise<void>;
  /** Stops a unit; resolves when it has ended. */
  stop(unit: string): Promise<void>;
  /** Stops it and removes every trace; resolves when it has ended. */
  unload(unit: string): Promise<void>;
  /**
   * Lets units start until `until`, unless a later call moves that. At that instant the fence fires: the service manager
   * itself stops all our units and refuses to start any, even if this process is dead or frozen. Before the first call,
   * starts are refused, but what runs goes on running. An instant in the past fires at once, also when this call
   * itself was late: that is why it takes an instant and not a duration.
   */
  arm(until: Instant): Promise<void>;
  /** Calls `listener` for every event from now on. One listener. */
  listen(listener: (event: DriverEvent) => void): void;
  /** Lets go. Units go on running, the fence stays armed. */
  close(): Promise<void>;
}
