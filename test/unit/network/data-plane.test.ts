/** When the data plane looks at the kernel, and when it searches the whole of it. Time is the test's own. */
import { join } from "node:path";
import { type Test, test } from "tap";
import { DataPlane } from "../../../src/agent/network/data-plane.ts";
import { silent } from "../../../src/base/ports.ts";
import { SubnetEnvFile } from "../../../src/host/network/subnet-env-file.ts";
import { vxlanMac } from "../../../src/network/backends/vxlan.ts";
import { parseNetworkConfig } from "../../../src/network/config.ts";
import { parseIpv4, parsePrefix } from "../../../src/network/ipv4.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";
import { MemoryKernel } from "./memory-kernel.ts";

const verdict = parseNetworkConfig('{"Network":"10.5.0.0/16"}');
if (!verdict.ok) throw new Error(verdict.problem);
const { config } = verdict;
const external = { name: "eth0", index: 2, mtu: 1500, address: parseIpv4("192.168.0.1")! };
const own = { own: true, external: false };
const others = { own: false, external: true };

function start(t: Test): { kernel: MemoryKernel; clock: VirtualClock; plane: DataPlane } {
  const clock = new VirtualClock();
  const kernel = new MemoryKernel({ ok: true, external });
  const self = { subnet: parsePrefix("10.5.1.0/24")!, external, mac: vxlanMac("m1", config) };
  const subnetFile = new SubnetEnvFile(join(t.testdir(), "subnet.env"));
  const plane = new DataPlane(
    { config, choice: {}, self },
    { kernel, clock, logger: silent, subnetFile, leases: () => [] },
  );
  t.teardown(() => plane.close());
  return { kernel, clock, plane };
}

test("damage to our own is repaired at once, without a search for the external interface", async (t) => {
  const { kernel, clock } = start(t);
  t.equal(kernel.calls.external, 1);
  const { addresses } = kernel.state;
  for (let time = 0; time < 50; time++) {
    kernel.damage({ addresses: [] });
    t.same(kernel.state.addresses, addresses);
    kernel.notify(own);
    await clock.pass(5, 5);
  }
  t.equal(kernel.calls.external, 1);
});

test("others' links are looked at ten times a second at most", async (t) => {
  const { kernel, clock } = start(t);
  const before = { ...kernel.calls };
  for (let time = 0; time < 200; time++) {
    kernel.notify(others);
    await clock.pass(5, 5);
  }
  t.equal(kernel.calls.external - before.external, 10, "in one second");
  t.equal(kernel.calls.read - before.read, 10);
  await clock.pass(100, 5);
  t.equal(kernel.calls.external - before.external, 10, "the last notification was answered");
  kernel.damage({ addresses: [] });
  t.equal(kernel.state.addresses.length, 1, "and nothing of this delays a repair");
});

test("both at once: repairs do not make the search more frequent, nor forget it", async (t) => {
  const { kernel, clock } = start(t);
  await clock.pass(200);
  const before = kernel.calls.external;
  for (let time = 0; time < 100; time++) {
    kernel.notify({ own: true, external: true });
    await clock.pass(5, 5);
  }
  t.ok(kernel.calls.external - before <= 6, `${kernel.calls.external - before} searches in half a second`);
  kernel.externalVerdict = { ok: true, external: { ...external, mtu: 1400 } };
  kernel.notify({ own: true, external: true });
  await clock.pass(100, 5);
  t.equal(kernel.state.device?.mtu, 1350);
});

test("a change that nobody announced is found by the full check, however busy we are", async (t) => {
  const { kernel, clock, plane } = start(t);
  kernel.externalVerdict = { ok: true, external: { ...external, mtu: 1400 } };
  for (let time = 0; time < 62; time++) {
    kernel.notify(own);
    await clock.pass(500, 500);
  }
  t.equal(kernel.state.device?.mtu, 1350);
  kernel.externalVerdict = { ok: false, problem: "no default route" };
  await clock.pass(31_000, 500);
  t.equal(plane.problem, "no default route");
  kernel.externalVerdict = { ok: true, external };
  await clock.pass(1_100, 100);
  t.equal(plane.problem, null, "after a problem it asks every second");
  t.equal(kernel.state.device?.mtu, 1450);
});
