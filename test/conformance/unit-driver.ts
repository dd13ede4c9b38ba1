/**
 * What UnitDriver means, as behaviour. Run against the fake host and against a real systemd. Units are long sleeps under
 * names of this suite; the bench says, past the driver, whether one really runs.
 */
import { type Test, test } from "tap";
import { Instant } from "../../src/base/ids.ts";
import type { DriverEvent, UnitDriver } from "../../src/units/driver.ts";
import { UnitsError } from "../../src/units/errors.ts";

export interface DriverBench {
  /** A driver as a fresh process would open it; the former one has been closed, or its process is dead. */
  open(): Promise<UnitDriver>;
  now(): Instant;
  /** Whether a process of the unit runs, by other means than the driver. */
  running(unit: string): Promise<boolean>;
  /** An identity of the unit's current process, to notice restarts. */
  processOf(unit: string): Promise<string>;
  /** Lets time pass until the condition holds; rejects after some seconds. */
  eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void>;
}

const sleeper = "[Unit]\nDescription=a sleeper\n\n[Service]\nExecStart=/bin/sleep 1000\n";
/** Deaf to the first signal, so that stopping it takes two seconds. */
const slow =
  "[Unit]\nDescription=a slow sleeper\n\n[Service]\n" +
  "ExecStart=/bin/sh -c 'trap \"\" TERM; echo; sleep 1000'\nTimeoutStopSec=2\n";
const installed = `${sleeper}\n[Install]\nWantedBy=multi-user.target\n`;

/** Runs the suite; `open` is called once per test and may reuse one host. */
export function unitDriverSuite(name: string, openBench: (t: Test) => Promise<DriverBench>): void {
  const withDriver = (
    title: string,
    body: (t: Test, bench: DriverBench, driver: UnitDriver, events: DriverEvent[]) => Promise<void>,
  ): void => {
    test(`${name}: ${title}`, async (t) => {
      const bench = await openBench(t);
      const driver = await bench.open();
      const events: DriverEvent[] = [];
      driver.listen((event) => events.push(event));
      await body(t, bench, driver, events);
      await driver.close();
    });
  };
  const later = (bench: DriverBench, ms: number): Instant => Instant(bench.now() + ms);
  const lastState = (events: readonly DriverEvent[], unit: string): string | undefined => {
    const last = events.findLast((event) => event.type === "state" && event.unit === unit);
    return last?.type === "state" ? last.state.active : undefined;
  };

  withDriver("load, start, stop, unload", async (t, bench, driver, events) => {
    const unit = "conformance-life.service";
    await driver.load(unit, sleeper);
    t.notOk(await bench.running(unit), "a loaded unit does not run");
    await driver.arm(later(bench, 60_000));
    await driver.start(unit);
    await bench.eventually("it is reported active", () => lastState(events, unit) === "active");
    t.ok(await bench.running(unit));
    await driver.stop(unit);
    t.notOk(await bench.running(unit), "stop resolves when it has ended");
    await bench.eventually("it is reported inactive", () => lastState(events, unit) === "inactive");
    await driver.start(unit);
    await bench.eventually("it runs again", () => bench.running(unit));
    await driver.unload(unit);
    t.notOk(await bench.running(unit), "unload resolves when it has ended");
    t.strictSame(await driver.inventory(), [], "nothing is left");
  });

  withDriver("every step may be repeated", async (t, bench, driver) => {
    const unit = "conformance-twice@one.service";
    await driver.unload(unit);
    await driver.stop(unit);
    await driver.load(unit, installed);
    await driver.load(unit, installed);
    await driver.arm(later(bench, 60_000));
    await driver.start(unit);
    await bench.eventually("it runs", () => bench.running(unit));
    const before = await bench.processOf(unit);
    await driver.start(unit);
    t.equal(await bench.processOf(unit), before, "a second start changes nothing");
    await driver.unload(unit);
    await driver.unload(unit);
  });

  withDriver("a unit that cannot start fails alone", async (t, bench, driver) => {
    const [good, missing] = ["conformance-good.service", "conformance-missing.service"];
    await driver.arm(later(bench, 60_000));
    await driver.load(good, sleeper);
    const outcomes = await Promise.allSettled([driver.start(missing), driver.start(good)]);
    t.equal(outcomes[1]!.status, "fulfilled");
    t.equal(outcomes[0]!.status, "rejected");
    if (outcomes[0]!.status === "rejected") {
      t.ok(outcomes[0]!.reason instanceof UnitsError);
      t.equal(outcomes[0]!.reason.code, "units.driver-failed");
    }
    await driver.unload(good);
  });

  withDriver("what runs is found by the next process, and not restarted", async (t, bench, driver) => {
    const unit = "conformance-adopted.service";
    await driver.load(unit, sleeper);
    await driver.arm(later(bench, 60_000));
    await driver.start(unit);
    await bench.eventually("it runs", () => bench.running(unit));
    const before = await bench.processOf(unit);
    await driver.close();
    const next = await bench.open();
    const found = await next.inventory();
    t.match(found, [
      { name: unit, text: sleeper, launched: true, state: { load: "loaded", active: "active" } },
    ]);
    t.equal(await bench.processOf(unit), before);
    await next.unload(unit);
    await next.close();
  });

  withDriver(
    "the fence stops units and lets none start until it is armed again",
    async (t, bench, driver, events) => {
      const unit = "conformance-fenced.service";
      await driver.load(unit, sleeper);
      await driver.arm(later(bench, 400));
      await driver.start(unit);
      await bench.eventually("it runs", () => bench.running(unit));
      await bench.eventually("the fence fires", () => events.some((event) => event.type === "fenced"));
      await bench.eventually("it is stopped", async () => !(await bench.running(unit)));
      events.length = 0;
      await driver.start(unit).catch(() => {});
      await bench.eventually("the refused start is reported", () =>
        events.some((event) => event.type === "fenced"),
      );
      t.notOk(await bench.running(unit), "no start behind a shut fence");
      await driver.arm(later(bench, -1000));
      await driver.start(unit).catch(() => {});
      t.notOk(await bench.running(unit), "arming for an instant in the past opens nothing");
      await driver.arm(later(bench, 60_000));
      await driver.start(unit);
      await bench.eventually("it runs again", () => bench.running(unit));
      await driver.unload(unit);
    },
  );

  withDriver(
    "a fence that is opened again while a unit still stops has fired all the same",
    async (t, bench, driver, events) => {
      const unit = "conformance-slow.service";
      await driver.load(unit, slow);
      await driver.arm(later(bench, 1_000));
      await driver.start(unit);
      await bench.eventually("it runs", () => bench.running(unit));
      const before = await bench.processOf(unit);
      await bench.eventually("the fence fires", () => events.some((event) => event.type === "fenced"));
      t.ok(await bench.running(unit), "it is told before the slowest unit has ended");
      t.match(await driver.inventory(), [{ name: unit, launched: false }], "it does not count as launched");
      await driver.arm(later(bench, 60_000));
      await driver.start(unit);
      await bench.eventually("it runs anew", async () => {
        return (await bench.running(unit)) && (await bench.processOf(unit)) !== before;
      });
      t.match(await driver.inventory(), [{ name: unit, launched: true }]);
      await driver.unload(unit);
    },
  );

  withDriver(
    "a fence that fires while nobody listens is found by the next process",
    async (t, bench, driver) => {
      const unit = "conformance-missed.service";
      await driver.load(unit, slow);
      const fires = later(bench, 1_000);
      await driver.arm(fires);
      await driver.start(unit);
      await bench.eventually("it runs", () => bench.running(unit));
      await driver.close();
      await bench.eventually("the fence fires", () => bench.now() > fires + 300);
      const next = await bench.open();
      await next.arm(later(bench, 60_000));
      t.match(await next.inventory(), [{ name: unit, launched: false }]);
      await next.unload(unit);
      await next.close();
    },
  );

  withDriver("names of the agent's own units are refused", async (t, _bench, driver) => {
    const unit = "argosy-lease.target";
    for (const step of [driver.load(unit, sleeper), driver.start(unit), driver.stop(unit)])
      await t.rejects(step, { code: "units.driver-failed" });
    await driver.unload(unit);
    t.strictSame(await driver.inventory(), []);
  });

  withDriver(
    "arming again moves the fence, also past the process that armed it",
    async (t, bench, driver) => {
      const unit = "conformance-moved.service";
      await driver.load(unit, sleeper);
      await driver.arm(later(bench, 500));
      await driver.arm(later(bench, 1_500));
      const end = later(bench, 800);
      await driver.start(unit);
      await bench.eventually("the first instant has passed", () => bench.now() > end);
      t.ok(await bench.running(unit), "the first instant does not count any more");
      await driver.close();
      await bench.eventually("it is stopped with nobody there", async () => !(await bench.running(unit)));
      const next = await bench.open();
      t.match(await next.inventory(), [{ name: unit, launched: false }], "it does not count as launched");
      await next.unload(unit);
      await next.close();
    },
  );
}
