/**
 * A fleet API on a map (fleet.md 1): a unit gets where it is wanted a few questions later, as on a cluster that takes its
 * time. What its machine reports can be planned per unit, and so can never being placed.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { FleetUnit } from "../../../src/cli/fleet-api.ts";
import type { UnitOption } from "../../../src/units/unit-file.ts";

interface Held {
  desired: string;
  current: string;
  options: readonly UnitOption[];
  /** Questions until `current` follows. */
  lag: number;
}

const machine = "0123456789abcdef0123456789abcdef";

export class FakeFleet implements AsyncDisposable {
  readonly units: Map<string, Held> = new Map();
  /** `PUT name {...}` for each request that changes something. */
  readonly changes: string[] = [];
  /** Active and sub state that a launched unit's machine reports; `active running` if not planned. */
  readonly reports: Map<string, readonly [active: string, sub: string]> = new Map();
  /** Units that no machine takes. */
  readonly homeless: Set<string> = new Set();
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  static async start(): Promise<FakeFleet> {
    const fleet = new FakeFleet();
    await new Promise<void>((resolve) => fleet.#server.listen(0, "127.0.0.1", resolve));
    return fleet;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  add(name: string, desired: string, options: readonly UnitOption[]): void {
    this.units.set(name, { desired, current: desired, options, lag: 0 });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, "http://fleet");
    const [, , , kind, encoded] = url.pathname.split("/");
    const name = decodeURIComponent(encoded ?? "");
    const reply = (status: number, body?: object) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    };
    const refuse = (code: number, message: string) => reply(code, { error: { code, message } });
    if (kind === "machines")
      return reply(200, {
        machines: [{ id: machine, primaryIP: "10.0.0.1", metadata: { zone: "b", disk: "ssd" } }],
      });
    if (kind === "state") return reply(200, { states: this.#states(url.searchParams.get("unitName")) });
    if (!name) return reply(200, this.#page(url.searchParams.get("nextPageToken")));
    const held = this.units.get(name);
    if (request.method === "GET")
      return held ? reply(200, this.#unit(name, held)) : refuse(404, "unit does not exist");
    const body = await text(request);
    this.changes.push(`${request.method} ${name}${body ? ` ${body}` : ""}`);
    if (request.method === "DELETE")
      return this.units.delete(name) ? reply(204) : refuse(404, "unit does not exist");
    const { options, desiredState } = JSON.parse(body) as { options?: UnitOption[]; desiredState?: string };
    if (!held && !options) return refuse(409, "unit does not exist and options field empty");
    const current = held?.current ?? "inactive";
    this.units.set(name, {
      desired: desiredState ?? "inactive",
      current,
      options: options ?? held!.options,
      lag: 2,
    });
    return reply(options ? 201 : 204);
  }

  #unit(name: string, held: Held): FleetUnit {
    if (held.current !== held.desired && !this.homeless.has(name) && held.lag-- <= 0)
      held.current = held.desired;
    const global = held.options.some((option) => option.name === "Global");
    const common = { name, desiredState: held.desired, options: held.options };
    if (global) return common;
    return {
      ...common,
      currentState: held.current,
      ...(held.current === "inactive" ? {} : { machineID: machine }),
    };
  }

  #states(only: string | null): object[] {
    return [...this.units]
      .filter(([name, { current }]) => current === "launched" && (only === null || name === only))
      .map(([name]) => {
        const [active, sub] = this.reports.get(name) ?? ["active", "running"];
        const state = { systemdLoadState: "loaded", systemdActiveState: active, systemdSubState: sub };
        return { name, machineID: machine, ...state };
      });
  }

  /** Pages of two, so that following them is tested. */
  #page(token: string | null): object {
    const start = Number(token ?? 0);
    const all = [...this.units]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, held]) => this.#unit(name, held));
    const units = all.slice(start, start + 2);
    return units.length === 2 ? { units, nextPageToken: String(start + 2) } : { units };
  }
}
