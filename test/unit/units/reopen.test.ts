/** A driver that is opened again after it was lost does not stay open when nobody wants it any more. */
import { test } from "tap";
import { startUnits, type UnitsModule } from "../../../src/agent/units/units.ts";
import { silent } from "../../../src/base/ports.ts";
import type { UnitDriver } from "../../../src/units/driver.ts";
import { FakeUnitHost } from "../../support/fake-unit-host.ts";
import { MemoryKv } from "../../support/memory-kv.ts";
import { rest, VirtualClock } from "../../support/virtual-clock.ts";

async function bench(reopen: (driver: UnitDriver, units: () => UnitsModule) => Promise<UnitDriver>) {
  const clock = new VirtualClock();
  const host = new FakeUnitHost({ stepMs: () => 0 }, { clock });
  let open = 0;
  const connect = (): UnitDriver => {
    const driver = host.connect();
    open++;
    let closed = false;
    return {
      ...driver,
      close: async () => {
        if (!closed) open--;
        closed = true;
        await driver.close();
      },
    };
  };
  const box: { units: UnitsModule | null } = { units: null };
  box.units = await startUnits(
    {
      machineId: "m1",
      incarnation: "1",
      name: "m1",
      primaryIp: "",
      metadata: {},
      agentTtlMs: 30_000,
      engine: true,
    },
    {
      kv: new MemoryKv(),
      driver: connect(),
      reopenDriver: () => reopen(connect(), () => box.units!),
      leader: { leader: async () => null },
      clock,
      logger: silent,
      http: { request: () => Promise.reject(new Error("no peers here")) },
    },
  );
  return { clock, host, units: box.units, open: () => open };
}

test("the module was closed while the driver was opened", async (t) => {
  const { clock, host, open } = await bench(async (driver, units) => {
    await units().close();
    return driver;
  });
  host.loseConnection();
  await clock.pass(1_000);
  await rest(5);
  t.equal(open(), 0);
});

test("the driver cannot say what runs", async (t) => {
  let tries = 0;
  const { clock, host, units, open } = await bench(async (driver) => {
    if (++tries > 3) return driver;
    return { ...driver, inventory: () => Promise.reject(new Error("by plan")) };
  });
  host.loseConnection();
  await clock.pass(5_000);
  t.equal(tries, 4);
  t.equal(open(), 1, "only the one that could");
  await units.close();
  t.equal(open(), 0);
});
