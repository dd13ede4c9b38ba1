/**
 * The UnitDriver suite on the systemd of the machine that runs this file. It is not a test of its own: the lab runs it
 * inside a host (test/lab/systemd-driver.test.ts), because it links units and fires the fence.
 */
import { execFile } from "node:child_process";
import { rm } from "node:fs/promises";
import { promisify } from "node:util";
import tap, { test } from "tap";
import { Instant } from "../../src/base/ids.ts";
import { systemClock } from "../../src/host/clock.ts";
import { probeSystemd } from "../../src/host/systemd/probe.ts";
import { unitDriverSuite } from "./unit-driver.ts";

const run = promisify(execFile);
tap.setTimeout(60_000);

unitDriverSuite("systemd", async () => ({
  open: async () => {
    const probe = await probeSystemd({ unitsDirectory: "/run/fleet/units" }, { clock: systemClock });
    if (!probe.driver) throw new Error(probe.reason);
    return probe.driver;
  },
  now: () => systemClock.now(),
  running: async (unit) => (await show(unit, "MainPID")) !== "0",
  processOf: (unit) => show(unit, "MainPID"),
  eventually: async (what, holds) => {
    const end = systemClock.now() + 10_000;
    while (!(await holds())) {
      if (systemClock.now() > end) throw new Error(`never: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },
}));

test("systemd: one process drives a host", async (t) => {
  const probe = () => probeSystemd({ unitsDirectory: "/run/fleet/units" }, { clock: systemClock });
  const first = await probe();
  t.ok(first.driver);
  t.strictSame(await probe(), { driver: null, reason: "another agent drives this host's units" });
  await first.driver?.close();
  const next = await probe();
  t.ok(next.driver, "after the first has let go");
  await next.driver?.close();
});

test("systemd: a file that somebody removed is noticed when the unit is to start", async (t) => {
  const { driver } = await probeSystemd({ unitsDirectory: "/run/fleet/units" }, { clock: systemClock });
  const unit = "conformance-vanished.service";
  const seen: string[] = [];
  driver!.listen((event) => event.type === "state" && seen.push(event.state.load));
  await driver!.load(unit, "[Service]\nExecStart=/bin/sleep 1000\n");
  await driver!.arm(Instant(systemClock.now() + 60_000));
  await rm(`/run/fleet/units/${unit}`);
  await rm(`/run/systemd/system/${unit}`, { force: true });
  await run("systemctl", ["daemon-reload"]);
  await t.rejects(driver!.start(unit), { code: "units.driver-failed" });
  while (seen.at(-1) !== "not-found") await new Promise((resolve) => setTimeout(resolve, 20));
  await driver!.unload(unit);
  await driver!.close();
});

async function show(unit: string, property: string): Promise<string> {
  const { stdout } = await run("systemctl", ["show", "--value", `--property=${property}`, unit]);
  return stdout.trim();
}
