import { unitDriverSuite } from "../../conformance/unit-driver.ts";
import { FakeUnitHost } from "../../support/fake-unit-host.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

unitDriverSuite("fake host", async (t) => {
  const clock = new VirtualClock();
  const host = new FakeUnitHost({ stepMs: () => 0 }, { clock });
  // Steps take no virtual time, so the clock only has to be nudged for them to happen.
  const nudge = setInterval(() => clock.agenda.runUntil(clock.agenda.now), 0);
  t.teardown(() => clearInterval(nudge));
  return {
    open: async () => host.connect(),
    now: () => clock.now(),
    running: async (unit) => host.running(unit),
    processOf: async (unit) => String(host.units.get(unit)?.starts),
    eventually: async (what, holds) => {
      for (let tries = 0; tries < 500; tries++) {
        if (await holds()) return;
        await clock.pass(10);
      }
      throw new Error(`never: ${what}`);
    },
  };
});
