/**
 * Drives the subnet manager (network/subnet-manager): carries its effects to the store and the clock and feeds the
 * answers back. One store call is outstanding at most.
 */
import type { Clock, Random, Timer } from "../../base/ports.ts";
import type { Prefix } from "../../network/ipv4.ts";
import type { SubnetLease } from "../../network/lease.ts";
import {
  type SubnetEffect,
  type SubnetEvent,
  type SubnetManager,
  step,
} from "../../network/subnet-manager.ts";
import type { LeaseStore, StoreEffect } from "./lease-store.ts";

export interface SubnetSink {
  /** From now on this is our subnet. */
  held(subnet: Prefix, reason: string): void;
  /** Why there is no lease, or no renewal; null when all is well. */
  problem(problem: string | null): void;
  /** What the watch last said of a lease, and at which revision of the store. */
  known(name: string): { lease: SubnetLease | null; revision: number };
}

export class SubnetDriver {
  readonly manager: SubnetManager;
  readonly #modules: { store: LeaseStore; clock: Clock; random: Random; sink: SubnetSink };
  #timer: Timer | null = null;
  #closed = false;

  constructor(
    options: { manager: SubnetManager },
    modules: { store: LeaseStore; clock: Clock; random: Random; sink: SubnetSink },
  ) {
    this.manager = options.manager;
    this.#modules = modules;
  }

  start(): void {
    this.#feed({ type: "start", now: this.#modules.clock.now() });
  }

  /** Tells the manager what its key looks like, as far as the watch has come. */
  observe(): void {
    const { held } = this.manager;
    if (!held) return;
    this.#feed({ type: "observed", ...this.#modules.sink.known(held.name), now: this.#modules.clock.now() });
  }

  /** Stops; the lease stays until its time is over (flannel.md 3.6). */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #feed(event: SubnetEvent): void {
    if (this.#closed) return;
    for (const effect of step(this.manager, event)) this.#carryOut(effect);
  }

  #carryOut(effect: SubnetEffect): void {
    const { clock, sink } = this.#modules;
    switch (effect.type) {
      case "hold":
        sink.held(effect.subnet, effect.reason);
        break;
      case "report":
        sink.problem(effect.problem);
        break;
      case "wake":
        this.#timer?.cancel();
        this.#timer =
          effect.at === null
            ? null
            : clock.at(effect.at, () => this.#feed({ type: "wake", now: clock.now() }));
        break;
      default:
        void this.#ask(effect);
    }
  }

  async #ask(effect: StoreEffect): Promise<void> {
    const { store, clock, random } = this.#modules;
    const outcome = await store.run(effect);
    const now = clock.now();
    if (outcome.type === "listed") this.#feed({ ...outcome, now, random: random.uint32() });
    else this.#feed({ ...outcome, now });
    // What the watch told while the write was under way was not heard.
    if (outcome.type === "written") this.observe();
  }
}
