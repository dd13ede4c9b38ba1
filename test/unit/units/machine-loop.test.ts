import { test } from "tap";
import { MachineLoop } from "../../../src/agent/units/machine-loop.ts";
import { RegistryView } from "../../../src/agent/units/registry-view.ts";
import { type Logger, silent } from "../../../src/base/ports.ts";
import type { MachineReport, ReportAnswer } from "../../../src/units/report.ts";
import { FakeUnitHost } from "../../support/fake-unit-host.ts";
import { MemoryKv } from "../../support/memory-kv.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";
import { ttlMs } from "./build.ts";

test("a host that is refused because of its id says so once, with what to do", async (t) => {
  const clock = new VirtualClock();
  const errors: string[] = [];
  const logger: Logger = { ...silent, error: (_fields, message) => errors.push(message) };
  const view = new RegistryView({ kv: new MemoryKv(), clock, logger: silent });
  const reports: MachineReport[] = [];
  let answer: ReportAnswer = { confirmed: false, reason: "duplicate-id", revision: 0 };
  const loop = new MachineLoop(
    { machine: { id: "m1", name: "h1", primaryIp: "", metadata: {} }, ttlMs, incarnation: "second" },
    {
      driver: new FakeUnitHost({ stepMs: () => 0 }, { clock }).connect(),
      view,
      clock,
      logger,
      send: async (report) => {
        reports.push(report);
        return answer;
      },
      lost: () => {},
    },
  );
  t.teardown(() => {
    loop.close();
    view.close();
  });
  await loop.start();
  await clock.pass(5_000, 100);
  t.ok(reports.length > 3);
  t.equal(reports[0]!.incarnation, "second");
  t.equal(errors.length, 1);
  t.match(errors[0], /machine-id/);
  t.strictSame([reports[0]!.challenged, reports.at(-1)!.challenged], [false, true]);
  answer = { confirmed: false, reason: "not-leader", revision: 0 };
  await clock.pass(2_000, 100);
  t.equal(reports.at(-1)!.challenged, true, "no engine has accepted it since");
  answer = { confirmed: true };
  await clock.pass(2_000, 100);
  t.equal(reports.at(-1)!.challenged, false);
  answer = { confirmed: false, reason: "duplicate-id", revision: 0 };
  await clock.pass(2_000, 100);
  t.equal(errors.length, 2, "and again when it happens again");
});
