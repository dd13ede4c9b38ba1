/**
 * The lab: several Linux hosts on one machine, on one switch, each with a real systemd (or a bare reaper) as process 1.
 * Three hosts are up in about two seconds. Needs root; `skipReason` says what is missing.
 *
 *     await using lab = await Lab.up(3, { init: "systemd" });
 *     await lab.host(1).must("echo hello > /etc/motd");
 *     await lab.cut(1, 2);
 */
import { Host } from "./host.ts";
import type { Init } from "./host-script.ts";
import { Place } from "./place.ts";
import { Switch } from "./switch.ts";

export { type Outcome, until } from "./command.ts";
export type { Host, Spawned } from "./host.ts";
export { skipReason } from "./place.ts";

export interface LabOptions {
  /** Process 1 of each host. Default: systemd. */
  readonly init?: Init;
  /** The first three numbers of the lab's /24. Default: 10.79.x, x by this process's pid. */
  readonly subnet?: string;
}

export class Lab implements AsyncDisposable {
  readonly hosts: readonly Host[];
  readonly #switch: Switch;
  readonly #place: Place;

  private constructor(place: Place, wires: Switch, hosts: readonly Host[]) {
    this.#place = place;
    this.#switch = wires;
    this.hosts = hosts;
  }

  /** Boots `count` hosts, all at once. A failure takes back what was made. */
  static async up(count: number, { init = "systemd", subnet }: LabOptions = {}): Promise<Lab> {
    const place = await Place.claim(`${process.pid}`);
    let hosts: Host[] = [];
    try {
      const wires = await Switch.make(place.switch, subnet ?? `10.79.${process.pid % 254}`);
      hosts = Array.from(
        { length: count },
        (_, i) => new Host({ number: i + 1, init }, { place, switch: wires }),
      );
      await Promise.all(hosts.map((host) => host.boot()));
      return new Lab(place, wires, hosts);
    } catch (error) {
      await Promise.allSettled(hosts.map((host) => host.powerOff()));
      await place.release();
      throw error;
    }
  }

  /** Host `number`, from 1. */
  host(number: number): Host {
    const host = this.hosts[number - 1];
    if (!host) throw new Error(`the lab has no host ${number}`);
    return host;
  }

  /** The two hosts no longer reach each other. */
  cut(one: number, other: number): Promise<void> {
    return this.#switch.cut(one, other);
  }

  /** All cuts are undone and all cables are in. */
  async heal(): Promise<void> {
    await this.#switch.heal();
    await Promise.all(this.hosts.filter((host) => host.on).map((host) => host.cableOn()));
  }

  /** Powers all hosts off and removes every trace. */
  async down(): Promise<void> {
    await Promise.allSettled(this.hosts.map((host) => host.powerOff()));
    await this.#place.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.down();
  }
}
