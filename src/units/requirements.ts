/** What a unit asks of its machine: the options of [X-Fleet] (fleet.md 4). */
import { globMatches } from "./glob.ts";
import type { UnitOption } from "./unit-file.ts";
import { unitNameParts } from "./unit-name.ts";

export interface Requirements {
  /** The machine's whole id or its first 8 characters. */
  readonly machineId: string | null;
  /** Exact unit names (MachineOf): all of them have to be assigned to the same machine. */
  readonly peers: readonly string[];
  /** Per key, the values of which one has to be the machine's. */
  readonly metadata: ReadonlyMap<string, ReadonlySet<string>>;
  /** Patterns of unit names that may not be on the same machine. */
  readonly conflicts: readonly string[];
  readonly replaces: readonly string[];
  readonly global: boolean;
}

/** The requirements of `unit`, with fleet's specifiers expanded. */
export function requirementsOf(unit: string, options: readonly UnitOption[]): Requirements {
  const read = (name: string): string[] => valuesOf(options, name).map((value) => expand(value, unit));
  return gather(read);
}

/** Why these options cannot be accepted, in fleet's words and order; undefined if they can. Specifiers stay as they are. */
export function requirementsProblem(options: readonly UnitOption[]): string | undefined {
  const { machineId, peers, conflicts, replaces, global } = gather((name) => valuesOf(options, name));
  for (const peer of peers) {
    for (const pattern of conflicts) {
      if (globMatches(pattern, peer))
        return `unresolvable requirements: peer "${peer}" matches conflict "${pattern}"`;
    }
    for (const pattern of replaces) {
      if (globMatches(pattern, peer))
        return `unresolvable requirements: peer "${peer}" matches replace "${pattern}"`;
    }
  }
  if (machineId !== null) {
    if (peers.length > 0) return "MachineID cannot be used with Peers";
    if (conflicts.length > 0) return "MachineID cannot be used with Conflicts";
    if (global) return "MachineID cannot be used with Global";
    if (replaces.length > 0) return "MachineID cannot be used with Replaces";
  }
  if (global && peers.length > 0) return "Global cannot be used with Peers";
  if (global && replaces.length > 0) return "Global cannot be used with Replaces";
  if (conflicts.length > 0 && replaces.length > 0) return "Conflicts cannot be used with Replaces";
  // Refused rather than ignored: a unit that silently does not replace is worse than one that is not accepted.
  if (replaces.length > 0) return "Replaces is not supported yet";
  return undefined;
}

/** Whether either of two different units forbids the other on its machine. */
export function inConflict(one: string, a: Requirements, other: string, b: Requirements): boolean {
  if (one === other) return false;
  return (
    a.conflicts.some((pattern) => globMatches(pattern, other)) ||
    b.conflicts.some((pattern) => globMatches(pattern, one))
  );
}

/** Whether a machine has the id and the metadata that are asked for. */
export function machineFits(
  requirements: Requirements,
  machine: { readonly id: string; readonly metadata: Readonly<Record<string, string>> },
): boolean {
  const { machineId, metadata } = requirements;
  if (machineId !== null && machineId !== machine.id && machineId !== machine.id.slice(0, 8)) return false;
  for (const [key, values] of metadata) {
    if (!Object.hasOwn(machine.metadata, key) || !values.has(machine.metadata[key]!)) return false;
  }
  return true;
}

function gather(read: (name: string) => string[]): Requirements {
  const either = (modern: string, old: string): string[] => [...read(modern), ...read(old)];
  const global = read("Global").at(-1) ?? "";
  return {
    machineId:
      read("MachineID")[0] ?? read("X-ConditionMachineID")[0] ?? read("X-ConditionMachineBootID")[0] ?? null,
    peers: either("MachineOf", "X-ConditionMachineOf"),
    metadata: metadataOf(either("MachineMetadata", "X-ConditionMachineMetadata")),
    conflicts: either("Conflicts", "X-Conflicts").flatMap((list) => list.split(/\s+/).filter(Boolean)),
    replaces: read("Replaces"),
    global: /^(true|yes|1|on|t)$/i.test(global),
  };
}

function metadataOf(pairs: readonly string[]): Map<string, Set<string>> {
  const metadata = new Map<string, Set<string>>();
  for (const pair of pairs) {
    const [key, value, ...more] = pair.split("=");
    if (!key || !value || more.length > 0) continue;
    const values = metadata.get(key);
    if (values) values.add(value);
    else metadata.set(key, new Set([value]));
  }
  return metadata;
}

function valuesOf(options: readonly UnitOption[], name: string): string[] {
  return options
    .filter((option) => option.section === "X-Fleet" && option.name === name)
    .flatMap((option) => splitValue(option.value));
}

/** `"a=b" "c=d"` is two values; anything that is not quoted as a whole is one (fleet.md 4.1). */
function splitValue(value: string): string[] {
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return [value];
  const values: string[] = [];
  let current = "";
  let quoted = false;
  for (const char of value) {
    if (char === '"') quoted = !quoted;
    else if (char === " " && !quoted) {
      values.push(current);
      current = "";
    } else current += char;
  }
  values.push(current);
  return values;
}

function expand(value: string, unit: string): string {
  const parts = unitNameParts(unit);
  return value
    .replaceAll("%n", () => unit)
    .replaceAll("%N", () => parts.name)
    .replaceAll("%p", () => parts.prefix)
    .replaceAll("%i", () => parts.instance ?? "");
}
