/** The fleet HTTP API as the commands use it (fleet.md 1). */
import { requirementsOf } from "../units/requirements.ts";
import type { UnitOption } from "../units/unit-file.ts";
import type { ApiClient } from "./client.ts";

export interface FleetUnit {
  readonly name: string;
  readonly options?: readonly UnitOption[];
  readonly desiredState: string;
  /** Absent for global units. */
  readonly currentState?: string;
  readonly machineID?: string;
}

export interface FleetUnitState {
  readonly name: string;
  readonly hash?: string;
  readonly machineID?: string;
  readonly systemdLoadState?: string;
  readonly systemdActiveState?: string;
  readonly systemdSubState?: string;
}

export interface FleetMachine {
  readonly id: string;
  readonly primaryIP?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A desired state (fleet.md 1.3). */
export type Goal = "inactive" | "loaded" | "launched";

/** Whether the unit runs on every machine that fits, and so has no single current state (fleet.md 4). */
export function isGlobal({
  name,
  options,
}: {
  name: string;
  options?: readonly UnitOption[] | undefined;
}): boolean {
  return requirementsOf(name, options ?? []).global;
}

type Page<Key extends string, Item> = { readonly [key in Key]?: readonly Item[] } & {
  readonly nextPageToken?: string;
};

export class FleetApi {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  /** The unit, or undefined if the cluster does not know it. */
  async unit(name: string): Promise<FleetUnit | undefined> {
    const answer = await this.#client.send("GET", unitPath(name));
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw this.#client.refusal(answer);
    return this.#client.json<FleetUnit>(answer);
  }

  /** Creates, replaces, or changes the desired state (fleet.md 1.5). */
  async put(name: string, change: { options?: readonly UnitOption[]; desiredState?: string }): Promise<void> {
    const answer = await this.#client.send("PUT", unitPath(name), JSON.stringify({ name, ...change }));
    if (answer.status !== 201 && answer.status !== 204) throw this.#client.refusal(answer);
  }

  /** Whether there was one to remove. */
  async remove(name: string): Promise<boolean> {
    const answer = await this.#client.send("DELETE", unitPath(name));
    if (answer.status === 404) return false;
    if (answer.status !== 204) throw this.#client.refusal(answer);
    return true;
  }

  units(): Promise<FleetUnit[]> {
    return this.#pages<"units", FleetUnit>("units");
  }

  machines(): Promise<FleetMachine[]> {
    return this.#pages<"machines", FleetMachine>("machines");
  }

  states(unitName?: string): Promise<FleetUnitState[]> {
    const query = unitName === undefined ? "" : `?unitName=${encodeURIComponent(unitName)}`;
    return this.#pages<"states", FleetUnitState>("states", `state${query}`);
  }

  async #pages<Key extends string, Item>(key: Key, path: string = key): Promise<Item[]> {
    const items: Item[] = [];
    let token: string | undefined;
    do {
      const join = path.includes("?") ? "&" : "?";
      const query = token === undefined ? "" : `${join}nextPageToken=${encodeURIComponent(token)}`;
      const page = await this.#client.get<Page<Key, Item>>(`/fleet/v1/${path}${query}`);
      const some: readonly Item[] = page[key] ?? [];
      items.push(...some);
      token = page.nextPageToken;
    } while (token);
    return items;
  }
}

function unitPath(name: string): string {
  return `/fleet/v1/units/${encodeURIComponent(name)}`;
}
