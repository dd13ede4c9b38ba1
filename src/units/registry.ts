/**
 * The registry: units, desired states and targets as they stand in the store, in fleet's key layout (fleet.md 8), reduced
 * from key-value events to objects. Durable facts only; unit states and heartbeats are not here.
 *
 * Two keys are ours, or used in our way. `release/<unit>` = machine id: the unit was taken from that machine, which may
 * not have noticed yet; written in the same transaction that removes the target. `lease/engine-leader`: rewritten
 * by each new engine; its mod revision is compared by every transaction of that engine, so that a former one is refused.
 */

import { type Requirements, requirementsOf } from "./requirements.ts";
import { type DesiredState, desiredStateOf } from "./state.ts";
import { parseUnitFile, type UnitOption } from "./unit-file.ts";
import { unitNameProblem } from "./unit-name.ts";

/** fleet's default; ends in a slash. */
export const registryPrefix = "/_coreos.com/fleet/";

/** A key's text relative to the prefix. */
export const registryKeys = {
  content: (hash: string): string => `${registryPrefix}unit/${hash}`,
  object: (unit: string): string => `${registryPrefix}job/${unit}/object`,
  targetState: (unit: string): string => `${registryPrefix}job/${unit}/target-state`,
  target: (unit: string): string => `${registryPrefix}job/${unit}/target`,
  release: (unit: string): string => `${registryPrefix}release/${unit}`,
  engineLeader: (): string => `${registryPrefix}lease/engine-leader`,
};

/** A key-value pair or, with `value` null, its deletion. */
export interface RegistryChange {
  readonly key: string;
  readonly value: string | null;
  readonly revision: number;
}

/** The content of a unit file, shared by all units with the same text. */
export interface UnitContent {
  readonly hash: string;
  readonly text: string;
  readonly options: readonly UnitOption[];
}

/** A unit as the registry has it. */
export interface Unit {
  readonly name: string;
  readonly content: UnitContent;
  readonly requirements: Requirements;
  readonly desired: DesiredState;
  /** The machine it is assigned to; null when it is assigned to none, and for global units. */
  readonly target: string | null;
}

/** A unit was taken from a machine at a revision. */
export interface Release {
  readonly machine: string;
  readonly revision: number;
}

interface JobKeys {
  hash: string | null;
  desired: DesiredState;
  target: string | null;
}

/** Changed only by `reset` and `apply`; both may be given anything that lies under the prefix. */
export class Registry {
  #revision = 0;
  readonly #contents = new Map<string, UnitContent>();
  readonly #jobs = new Map<string, JobKeys>();
  readonly #units = new Map<string, Unit>();
  readonly #releases = new Map<string, Release>();
  readonly #lastRelease = new Map<string, number>();
  #resetRevision = 0;
  #engine: { machine: string; revision: number } | null = null;

  /** The store's revision that this stands for. 0 before the first `reset`. */
  get revision(): number {
    return this.#revision;
  }

  /** Units whose object and content are both there. */
  get units(): ReadonlyMap<string, Unit> {
    return this.#units;
  }

  get releases(): ReadonlyMap<string, Release> {
    return this.#releases;
  }

  /** Who claimed the engine last, and when. */
  get engine(): { readonly machine: string; readonly revision: number } | null {
    return this.#engine;
  }

  /** The revision of the last `reset`: what happened and was undone before it is not known. */
  get resetRevision(): number {
    return this.#resetRevision;
  }

  /**
   * No unit was taken from the machine after this revision. It is at least the reset's: a release from before it may have been
   * settled, and so be gone from the list, with the machine still knowing nothing of it.
   */
  lastReleaseFrom(machine: string): number {
    return Math.max(this.#resetRevision, this.#lastRelease.get(machine) ?? 0);
  }

  /** Starts again from all keys under the prefix, as they were at `revision`. */
  reset(changes: readonly RegistryChange[], revision: number): void {
    for (const map of [this.#contents, this.#jobs, this.#units, this.#releases, this.#lastRelease])
      map.clear();
    this.#engine = null;
    this.#resetRevision = revision;
    this.apply(changes, revision);
  }

  /** Takes changes in revision order. */
  apply(changes: readonly RegistryChange[], revision: number): void {
    const touched = new Set<string>();
    const arrived = new Set<string>();
    for (const change of changes) this.#take(change, touched, arrived);
    this.#touchUsersOf(arrived, touched);
    for (const unit of touched) this.#rebuild(unit);
    this.#revision = revision;
  }

  /** Usually object and content arrive together; a foreign writer may write the object first. */
  #touchUsersOf(hashes: ReadonlySet<string>, touched: Set<string>): void {
    if (hashes.size === 0) return;
    for (const [unit, { hash }] of this.#jobs) {
      if (hash !== null && hashes.has(hash) && !this.#units.has(unit)) touched.add(unit);
    }
  }

  #take(change: RegistryChange, touched: Set<string>, arrived: Set<string>): void {
    const [kind, first = "", second = ""] = change.key.slice(registryPrefix.length).split("/");
    if (kind === "unit") {
      this.#takeContent(first, change.value);
      arrived.add(first);
    } else if (kind === "job" && unitNameProblem(first) === undefined) {
      this.#takeJob(first, second, change.value);
      touched.add(first);
    } else if (kind === "release") this.#takeRelease(first, change);
    else if (change.key === registryKeys.engineLeader()) this.#takeEngine(change);
  }

  #takeContent(hash: string, value: string | null): void {
    const content = value === null ? undefined : readContent(hash, value);
    if (content) this.#contents.set(hash, content);
    else this.#contents.delete(hash);
  }

  #takeJob(unit: string, field: string, value: string | null): void {
    const keys = this.#jobs.get(unit) ?? { hash: null, desired: "inactive", target: null };
    this.#jobs.set(unit, keys);
    if (field === "object") keys.hash = value === null ? null : readHash(value);
    else if (field === "target-state") keys.desired = desiredStateOf(value ?? "") ?? "inactive";
    else if (field === "target") keys.target = value;
    if (keys.hash === null && keys.target === null && keys.desired === "inactive") this.#jobs.delete(unit);
  }

  #takeRelease(unit: string, change: RegistryChange): void {
    if (change.value === null) {
      this.#releases.delete(unit);
      return;
    }
    this.#releases.set(unit, { machine: change.value, revision: change.revision });
    this.#lastRelease.set(change.value, change.revision);
  }

  #takeEngine(change: RegistryChange): void {
    const machine = change.value === null ? undefined : field(change.value, "MachineID");
    this.#engine = typeof machine === "string" ? { machine, revision: change.revision } : null;
  }

  #rebuild(name: string): void {
    const keys = this.#jobs.get(name);
    const content = keys?.hash ? this.#contents.get(keys.hash) : undefined;
    if (!keys || !content) {
      this.#units.delete(name);
      return;
    }
    const old = this.#units.get(name);
    const requirements = old?.content === content ? old.requirements : requirementsOf(name, content.options);
    const { desired, target } = keys;
    this.#units.set(name, { name, content, requirements, desired, target });
  }
}

/** The value of `unit/<hash>`; undefined if it cannot be read. */
export function readContent(hash: string, value: string): UnitContent | undefined {
  const text = field(value, "Raw");
  if (typeof text !== "string") return undefined;
  try {
    return { hash, text, options: parseUnitFile(text) };
  } catch {
    return undefined;
  }
}

/** The hash in the value of `job/<unit>/object`, as 40 hexadecimal digits; null if it cannot be read. */
export function readHash(value: string): string | null {
  const bytes = field(value, "UnitHash");
  if (!Array.isArray(bytes) || bytes.length !== 20) return null;
  if (!bytes.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255)) return null;
  return Buffer.from(bytes).toString("hex");
}

function field(json: string, name: string): unknown {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
  } catch {
    return undefined;
  }
}
