/**
 * The shell of the machine reconciler: feeds it the registry, the driver's events and confirmations, carries its tasks
 * out, and reports to the engine: regularly, and at once when something changed.
 */
import { messageOf } from "../../base/errors.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock, Logger, Timer } from "../../base/ports.ts";
import { desiredUnits } from "../../units/desired.ts";
import type { DriverEvent, UnitDriver } from "../../units/driver.ts";
import { Machine, type MachineEffect, type MachineEvent } from "../../units/machine.ts";
import {
  duplicateIdAdvice,
  fenceMs,
  fenceStepMs,
  type MachineDescription,
  type MachineReport,
  type ReportAnswer,
  reportPeriodMs,
} from "../../units/report.ts";
import { hashOfUnitText } from "../../units/unit-file.ts";
import type { RegistryView } from "./registry-view.ts";

export interface MachineLoopOptions {
  readonly machine: MachineDescription;
  readonly ttlMs: number;
  /** See MachineReport. */
  readonly incarnation: string;
}

export interface MachineLoopModules {
  readonly driver: UnitDriver;
  readonly view: RegistryView;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Brings a report to the engine, wherever it is. Rejects when there is none. */
  readonly send: (report: MachineReport) => Promise<ReportAnswer>;
  /** The driver is of no further use, and this loop has closed itself. */
  readonly lost: () => void;
}

type Task = Extract<MachineEffect, { type: "task" }>;

export class MachineLoop {
  readonly #options: MachineLoopOptions;
  readonly #modules: MachineLoopModules;
  readonly #machine: Machine;
  #sending = false;
  #unreported = false;
  #confirmed: boolean | null = null;
  #duplicate = false;
  #wakeTimer: Timer | null = null;
  #reportTimer: Timer | null = null;
  #started = false;
  #closed = false;

  constructor(options: MachineLoopOptions, modules: MachineLoopModules) {
    this.#options = options;
    this.#modules = modules;
    this.#machine = new Machine({ fenceStepMs: fenceStepMs(options.ttlMs) });
  }

  /** Takes over what runs already. Rejects if the driver cannot say what that is. */
  async start(): Promise<void> {
    const { driver, logger } = this.#modules;
    driver.listen((event) => this.#driverEvent(event));
    const found = await driver.inventory();
    for (const { name, state } of found) logger.info({ unit: name, active: state.active }, "unit adopted");
    const units = found.map((unit) => ({ ...unit, hash: hashOfUnitText(unit.text) }));
    this.#step({ now: this.#now(), type: "found", units });
    this.#started = true;
    this.#report();
  }

  /** Units go on running. */
  close(): void {
    this.#closed = true;
    this.#wakeTimer?.cancel();
    this.#reportTimer?.cancel();
  }

  #now(): Instant {
    return this.#modules.clock.now();
  }

  /** The registry may have changed. */
  registryChanged(): void {
    const { registry } = this.#modules.view;
    if (!this.#started || registry.revision === 0) return;
    const units = desiredUnits(registry, this.#options.machine);
    this.#step({ now: this.#now(), type: "wanted", units, revision: registry.revision });
  }

  #driverEvent(event: DriverEvent): void {
    const { logger } = this.#modules;
    if (event.type === "lost") {
      // What cannot be driven must not be confirmed either: the fence and the engine do the rest.
      logger.error({ reason: event.reason }, "service manager lost, units are no longer driven");
      this.close();
      this.#modules.lost();
      return;
    }
    if (event.type === "fenced") logger.warn({}, "fence fired, units were stopped");
    this.#step({ now: this.#now(), ...event });
  }

  #step(event: MachineEvent): void {
    if (this.#closed) return;
    for (const effect of this.#machine.step(event)) this.#do(effect);
  }

  #do(effect: MachineEffect): void {
    switch (effect.type) {
      case "task":
        void this.#run(effect);
        return;
      case "arm":
        void this.#arm(effect.until);
        return;
      case "report":
        this.#report();
        return;
      case "wake":
        this.#wakeTimer?.cancel();
        this.#wakeTimer = this.#modules.clock.at(effect.at, () =>
          this.#step({ now: this.#now(), type: "wake" }),
        );
    }
  }

  async #run({ task, unit, text, reason }: Task): Promise<void> {
    const { driver, logger } = this.#modules;
    try {
      await (task === "load" ? driver.load(unit, text) : driver[task](unit));
      logger.info({ task, unit, reason }, "unit task done");
      this.#step({ now: this.#now(), type: "done", unit, task });
    } catch (error) {
      logger.warn({ task, unit, reason, problem: messageOf(error) }, "unit task failed, will be tried again");
      this.#step({ now: this.#now(), type: "failed", unit, task });
    }
  }

  async #arm(until: Instant): Promise<void> {
    const { driver, logger } = this.#modules;
    try {
      await driver.arm(until);
      this.#step({ now: this.#now(), type: "armed", until });
    } catch (error) {
      logger.warn({ problem: messageOf(error) }, "fence could not be armed");
      this.#step({ now: this.#now(), type: "arm-failed" });
    }
  }

  /** One report at a time: what changes meanwhile goes into the next, which leaves as soon as this one is answered. */
  #report(): void {
    if (this.#sending) this.#unreported = true;
    else if (!this.#closed) void this.#sendReport();
  }

  async #sendReport(): Promise<void> {
    this.#sending = true;
    this.#reportTimer?.cancel();
    // Let everything that this turn brings go into one report.
    await null;
    this.#unreported = false;
    const { machine, ttlMs, incarnation } = this.#options;
    const sentAt = this.#now();
    const { revision } = this.#machine;
    const challenged = this.#duplicate;
    const units = this.#machine.reports();
    const report = { machine, incarnation, challenged, revision, ttlMs, units };
    let answer: ReportAnswer | null = null;
    let problem = "";
    try {
      answer = await this.#modules.send(report);
    } catch (error) {
      problem = messageOf(error);
    }
    this.#sending = false;
    if (this.#closed) return;
    this.#answered(answer, sentAt, problem);
    if (this.#unreported && answer) this.#report();
    else this.#reportAt(Instant(sentAt + reportPeriodMs(ttlMs)));
  }

  #reportAt(at: Instant): void {
    this.#reportTimer?.cancel();
    this.#reportTimer = this.#modules.clock.at(at, () => this.#report());
  }

  #answered(answer: ReportAnswer | null, sentAt: Instant, problem: string): void {
    const { ttlMs } = this.#options;
    const confirmed = answer?.confirmed === true;
    if (confirmed !== this.#confirmed) {
      const { logger } = this.#modules;
      const reason = answer?.confirmed === false ? answer.reason : problem;
      if (confirmed) logger.info({}, "engine confirms this machine");
      else logger.debug({ reason }, "engine does not confirm this machine");
      this.#confirmed = confirmed;
    }
    const duplicate = answer?.confirmed === false && answer.reason === "duplicate-id";
    if (duplicate && !this.#duplicate) {
      this.#modules.logger.error({ machine: this.#options.machine.id }, duplicateIdAdvice);
    }
    // Only an engine that took the report has decided otherwise.
    if (answer?.confirmed || answer?.reason === "behind") this.#duplicate = false;
    else if (duplicate) this.#duplicate = true;
    // A slow answer is no proof of a working way to the engine; the next one will tell.
    if (!confirmed || this.#now() - sentAt > fenceStepMs(ttlMs)) return;
    this.#step({ now: this.#now(), type: "confirmed", until: Instant(sentAt + fenceMs(ttlMs)) });
  }
}
