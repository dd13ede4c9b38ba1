/** A Clock on an Agenda: time stands still until it is told to pass. */
import { Instant } from "../../src/base/ids.ts";
import type { Clock, Timer } from "../../src/base/ports.ts";
import { Agenda } from "./agenda.ts";

export class VirtualClock implements Clock {
  readonly agenda: Agenda = new Agenda();

  now(): Instant {
    return Instant(this.agenda.now);
  }

  wallMs(): number {
    return this.agenda.now;
  }

  at(at: Instant, fire: () => void): Timer {
    let live = true;
    this.agenda.at(at, () => {
      if (live) fire();
    });
    return {
      cancel: () => {
        live = false;
      },
    };
  }

  /** Lets time pass in steps; after each, everything that promises have set off comes to rest. */
  async pass(ms: number, stepMs = 10): Promise<void> {
    const end = this.agenda.now + ms;
    while (this.agenda.now < end) {
      this.agenda.runUntil(Math.min(end, this.agenda.now + stepMs));
      await rest();
    }
  }
}

/** Lets promises and what the store's fake pumps run to their end. */
export async function rest(turns = 3): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A clock of one process on that time, which can be frozen as SIGSTOP freezes: timers fire late, `now` goes on. */
export class ProcessClock implements Clock {
  readonly #world: Clock;
  #late: (() => void)[] | null = null;

  constructor(world: Clock) {
    this.#world = world;
  }

  now(): Instant {
    return this.#world.now();
  }

  wallMs(): number {
    return this.#world.wallMs();
  }

  at(at: Instant, fire: () => void): Timer {
    let live = true;
    const run = (): void => {
      if (live) fire();
    };
    this.#world.at(at, () => (this.#late ? this.#late.push(run) : run()));
    return {
      cancel: () => {
        live = false;
      },
    };
  }

  get frozen(): boolean {
    return this.#late !== null;
  }

  /** Runs `work` now, or when the process thaws. */
  whenThawed(work: () => void): void {
    if (this.#late) this.#late.push(work);
    else work();
  }

  freeze(): void {
    this.#late ??= [];
  }

  thaw(): void {
    const late = this.#late ?? [];
    this.#late = null;
    for (const run of late) run();
  }
}
