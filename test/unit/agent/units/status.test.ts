import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "tap";
import type { AgentConfig } from "../../../../src/agent/config.ts";
import { openUnits } from "../../../../src/agent/units-of-agent.ts";
import { silent } from "../../../../src/base/ports.ts";
import { Scope } from "../../../../src/base/scope.ts";
import { writeUnit } from "../../../../src/units/registry-writes.ts";
import { hashOfUnitText } from "../../../../src/units/unit-file.ts";
import { MemoryKv } from "../../../support/memory-kv.ts";
import { rest, VirtualClock } from "../../../support/virtual-clock.ts";

test("the status shows units also while no engine is known", async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), "argosy-status-"));
  const scope = new Scope();
  t.teardown(async () => {
    await scope.close();
    rmSync(dataDir, { recursive: true });
  });
  const kv = new MemoryKv();
  const config = {
    units: "off",
    name: "h1",
    metadata: {},
    agentTtlMs: 30_000,
    advertiseClientUrls: ["http://127.0.0.1:2379"],
    network: { publicIp: null },
    dataDir,
  } as unknown as AgentConfig;
  const leader = { leader: async () => null };
  const modules = { kv, leader, pass: () => undefined, scope, clock: new VirtualClock(), logger: silent };
  const units = await openUnits(config, { machineId: "m1" }, modules);
  await units.start();
  const text = "[Service]\nExecStart=/bin/true\n";
  await kv.txn(writeUnit("a.service", { hash: hashOfUnitText(text), text }, "launched", null));
  await rest(10);
  t.match(await units.status(), { machines: [], units: [{ name: "a.service", desired: "launched" }] });
});
