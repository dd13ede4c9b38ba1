/** Words for the states of units (fleet.md 5). */

/** What the user wants: nothing, the file known to the machine's service manager, or started. */
export type DesiredState = "inactive" | "loaded" | "launched";

/** The desired state that a text names, or undefined. */
export function desiredStateOf(text: string): DesiredState | undefined {
  return text === "inactive" || text === "loaded" || text === "launched" ? text : undefined;
}

/** What a service manager says of a unit, in systemd's words, passed on unchanged. */
export interface SystemdState {
  readonly load: string;
  readonly active: string;
  readonly sub: string;
}

/** Of a unit that its service manager has not said anything about. */
export const unknownState: SystemdState = { load: "not-found", active: "inactive", sub: "dead" };

export function sameState(one: SystemdState, other: SystemdState): boolean {
  return one.load === other.load && one.active === other.active && one.sub === other.sub;
}
