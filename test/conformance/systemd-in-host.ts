/**
 * The UnitDriver suite on the systemd of the machine that runs this file. It is not a test of its own: the lab runs it
 * inside a host (test/lab/systemd-driver.test.ts), because it links units and fires the fence.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import tap from "tap";
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

async function show(unit: string, property: string): Promise<string> {
  const { stdout } = await run("systemctl", ["show", "--value", `--property=${property}`, unit]);
  return stdout.trim();
}
