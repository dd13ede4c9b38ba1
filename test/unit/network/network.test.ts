/** The module as a whole on a store and kernels in memory: many hosts, lost stores, refusing kernels. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Test, test } from "tap";
import { NetworkKeys } from "../../../src/agent/network/keys.ts";
import { LeaseStore } from "../../../src/agent/network/lease-store.ts";
import type { NetworkModule } from "../../../src/agent/network/module.ts";
import { startNetwork } from "../../../src/agent/network/network.ts";
import { absentNetwork } from "../../../src/agent/network/open.ts";
import { silent } from "../../../src/base/ports.ts";
import { SystemRandom, systemClock } from "../../../src/host/clock.ts";
import { formatIpv4, Ipv4, overlaps, parseIpv4, parsePrefix } from "../../../src/network/ipv4.ts";
import { MemoryKv } from "../../support/memory-kv.ts";
import { MemoryKernel } from "./memory-kernel.ts";

const key = (path: string): Buffer => Buffer.from(`/coreos.com/network/${path}`);
const bytes = (text: string): Buffer => Buffer.from(text);

interface Host {
  readonly network: NetworkModule;
  readonly kernel: MemoryKernel;
  readonly subnetFile: string;
}

function world(t: Test): { kv: MemoryKv; start(at: number, rest?: object): Host } {
  const directory = mkdtempSync(join(tmpdir(), "argosy-network-"));
  const kv = new MemoryKv();
  const hosts: Host[] = [];
  t.teardown(async () => {
    await Promise.all(hosts.map((host) => host.network.close()));
    rmSync(directory, { recursive: true });
  });
  return {
    kv,
    start(at, rest = {}) {
      const address = Ipv4(parseIpv4("192.168.0.0")! + at);
      const kernel = new MemoryKernel({ ok: true, external: { name: "eth0", index: 2, mtu: 1500, address } });
      const subnetFile = join(directory, `${at}.env`);
      const network = startNetwork(
        { machineId: `machine-${at}`, subnetFile, ...rest },
        { kv, kernel, clock: systemClock, random: new SystemRandom(), logger: silent },
      );
      const host = { network, kernel, subnetFile };
      hosts.push(host);
      return host;
    },
  };
}

async function until(fact: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!fact()) {
    if (performance.now() > end) throw new Error(`not in time: ${fact}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

test("50 hosts start at once in a range of 63: no overlap, and everyone reaches everyone", async (t) => {
  const { kv, start } = world(t);
  await kv.put({ key: key("config"), value: bytes('{"Network":"10.5.0.0/18","Backend":{"Type":"vxlan"}}') });
  const hosts = Array.from({ length: 50 }, (_, at) => start(at + 1));
  await until(() => hosts.every(({ network }) => network.status().peers.length === 49));
  await until(() => hosts.every(({ kernel }) => kernel.state.routes.length === 49));
  const subnets = hosts.map(({ network }) => parsePrefix(network.status().subnet!)!);
  t.notOk(subnets.some((left, i) => subnets.some((right, j) => i < j && overlaps(left, right))));
  t.equal(hosts[0]!.network.leases().filter((lease) => lease.self).length, 1);
});

test("out of subnets is said, and awaited", async (t) => {
  const { kv, start } = world(t);
  await kv.put({ key: key("config"), value: bytes('{"Network":"10.5.0.0/22"}') });
  const hosts = [1, 2, 3].map((at) => start(at));
  await until(() => hosts.every(({ network }) => network.status().peers.length === 2));
  const late = start(4);
  await until(() => late.network.status().problem?.startsWith("out of subnets") ?? false);
  t.equal(late.network.status().subnet, null);
  await hosts[0]!.network.close();
  await kv.deleteRange({ key: key(`subnets/${hosts[0]!.network.status().subnet!.replace("/", "-")}`) });
  await until(() => late.network.status().subnet === hosts[0]!.network.status().subnet);
});

test("configuration: awaited, refused with the field's name, corrected", async (t) => {
  const { kv, start } = world(t);
  const { network } = start(1);
  await until(
    () =>
      network.status().problem === "/coreos.com/network/config: does not exist, so no network is configured",
  );
  await kv.put({ key: key("config"), value: bytes('{"Network":"10.5.0.0/30"}') });
  await until(() => network.status().problem?.startsWith("/coreos.com/network/config: Network:") ?? false);
  await kv.put({ key: key("config"), value: bytes('{"Network":"10.5.0.0/16"}') });
  await until(() => network.status().subnet !== null && network.status().problem === null);
  t.match(network.status(), {
    backend: "vxlan",
    device: "flannel.1",
    mtu: 1450,
    publicIp: "192.168.0.1",
    peers: [],
  });
  await kv.put({ key: key("config"), value: bytes('{"Network":"10.6.0.0/16"}') });
  await kv.settled();
  t.match(network.status().subnet, /^10\.5\./, "a later edit waits for a restart");
});

test("a restart, and a host that comes back after its lease ended, keep their subnet", async (t) => {
  const { kv, start } = world(t);
  await kv.put({ key: key("config"), value: bytes('{"Network":"10.5.0.0/16"}') });
  const first = start(1);
  await until(() => first.kernel.state.device !== null);
  const subnet = first.network.status().subnet!;
  const [a, b, c, d] = subnet.split(/[./]/);
  t.match(readFileSync(first.subnetFile, "utf8"), `FLANNEL_SUBNET=${a}.${b}.${c}.${Number(d) + 1}/24\n`);
  await first.network.close();
  t.equal(first.kernel.subscriptions, 0);
  t.not(first.kernel.state.device, null, "everything stays in place");
  await kv.deleteRange({ key: key(`subnets/${subnet.replace("/", "-")}`) });
  const second = start(1);
  await until(() => second.network.status().subnet !== null);
  t.equal(second.network.status().subnet, subnet);
});

test("a reservation is taken, and stays without a lease", async (t) => {
  const { kv, start } = world(t);
  await kv.put({ key: key("subnets/10.5.77.0-24"), value: bytes('{"PublicIP":"192.168.0.1"}') });
  await kv.put({ key: key("config"), value: bytes('{"Network":"10.5.0.0/16"}') });
  const { network } = start(1);
  await until(() => network.status().subnet === "10.5.77.0/24");
  const { kvs } = await kv.range({ key: key("subnets/10.5.77.0-24") });
  t.equal(kvs[0]!.lease, 0n);
  t.match(JSON.parse(Buffer.from(kvs[0]!.value).toString()), {
    PublicIP: "192.168.0.1",
    BackendType: "vxlan",
  });
});

test("a store lease that somebody else granted is left alone when the key leaves it", async (t) => {
  const { kv, start } = world(t);
  const { ID: lease } = await kv.leaseGrant({ TTL: 1000 });
  const other = Buffer.from("/somebody/elses");
  await kv.put({ key: other, value: bytes("x"), lease });
  await kv.put({ key: key("subnets/10.5.77.0-24"), value: bytes('{"PublicIP":"192.168.0.1"}'), lease });
  await kv.put({ key: key("config"), value: bytes('{"Network":"10.5.0.0/16"}') });
  const { network } = start(1);
  await until(() => network.status().subnet === "10.5.77.0/24");
  await kv.settled();
  const { kvs } = await kv.range({ key: key("subnets/10.5.77.0-24") });
  t.not(kvs[0]!.lease, lease, "the key has a lease of our own now");
  t.equal((await kv.range({ key: other })).count, 1);
});

test("a store lease of our own is given back when the key leaves it, and when the key was lost", async (t) => {
  const kv = new MemoryKv();
  const options = { keys: new NetworkKeys("/coreos.com/network"), signal: new AbortController().signal };
  const store = new LeaseStore(options, { kv });
  const held = async (): Promise<number> => (await kv.leaseLeases({})).leases.length;
  const [name, value, ttlSeconds] = ["10.5.1.0-24", "{}", 1000];
  const first = await store.run({ type: "create", name, value, ttlSeconds });
  if (first.type !== "written") return t.fail(first.type);
  const { modRevision, storeLease: replaces } = first;
  const overwrite = { type: "overwrite", name, value, modRevision, ttlSeconds, replaces } as const;
  t.match(await store.run(overwrite), { type: "written" });
  t.equal(await held(), 1, "the first one is gone");
  t.match(await store.run(overwrite), { type: "conflict" });
  t.equal(await held(), 1, "and so is that of the write that was too late");
});

test("the own key vanishes, or goes to another host", async (t) => {
  const { kv, start } = world(t);
  await kv.put({ key: key("config"), value: bytes('{"Network":"10.5.0.0/16"}') });
  const { network, kernel } = start(1);
  await until(() => network.status().subnet !== null && kernel.state.device !== null);
  const subnet = network.status().subnet!;
  const name = key(`subnets/${subnet.replace("/", "-")}`);
  const before = kernel.applications.length;
  await kv.deleteRange({ key: name });
  await until(() => network.leases().some((lease) => lease.self));
  t.equal(network.status().subnet, subnet, "taken back");
  t.equal(kernel.applications.length, before, "the data plane was not touched");
  await kv.put({
    key: name,
    value: bytes(
      '{"PublicIP":"192.168.0.9","BackendType":"vxlan","BackendData":{"VtepMAC":"02:00:00:00:00:09"}}',
    ),
  });
  await until(() => network.status().subnet !== subnet);
  await until(() => kernel.state.routes.length === 1);
  t.same(
    kernel.state.addresses.map((prefix) => `${formatIpv4(prefix.address)}/24`),
    [network.status().subnet],
  );
});

test("unreachable store: nothing in the kernel changes, damage is still repaired, then it catches up", async (t) => {
  const { kv, start } = world(t);
  await kv.put({ key: key("config"), value: bytes('{"Network":"10.5.0.0/16"}') });
  const [one, two] = [start(1), start(2)];
  await until(() => one.kernel.state.routes.length === 1 && two.kernel.state.routes.length === 1);
  const release = kv.hold();
  kv.breakWatches();
  one.kernel.damage({ routes: [] });
  await until(() => one.kernel.state.routes.length === 1);
  kv.fail({ code: "kv.unavailable", count: 4 });
  release();
  await two.network.close();
  await until(() => one.network.status().problem === null);
  await until(() => one.network.status().peers.length === 1);
  t.pass();
});

test("a write whose answer is lost is found again, not repeated elsewhere", async (t) => {
  const { kv, start } = world(t);
  await kv.put({ key: key("config"), value: bytes('{"Network":"10.5.0.0/16"}') });
  kv.fail({ code: "kv.timeout", method: "txn", happens: true });
  const { network } = start(1);
  await until(() => network.status().subnet !== null);
  t.equal((await kv.range({ key: key("subnets/"), range_end: key("subnets0") })).count, 1);
});

test("unreadable leases of others are skipped", async (t) => {
  const { kv, start } = world(t);
  await kv.put({ key: key("config"), value: bytes('{"Network":"10.5.0.0/16"}') });
  for (const name of ["nonsense", "10.5.9.0-24", "10.5.8.0-99"])
    await kv.put({ key: key(`subnets/${name}`), value: bytes("{") });
  const { network } = start(1);
  await until(() => network.status().subnet !== null);
  t.equal(network.leases().length, 1);
});

test("a kernel that refuses, or cannot be asked, is named; when it works again all is well", async (t) => {
  const { kv, start } = world(t);
  await kv.put({ key: key("config"), value: bytes('{"Network":"10.5.0.0/16"}') });
  const { network, kernel } = start(1);
  kernel.refuse = (change) => change.type === "create-device";
  await until(() => network.status().problem === "EPERM");
  kernel.refuse = () => false;
  await until(() => network.status().problem === null && kernel.state.device !== null);
  kernel.broken = true;
  kernel.damage({});
  await until(() => network.status().problem === "broken by the test");
  kernel.broken = false;
  await until(() => network.status().problem === null);
  t.pass();
});

test("somebody works against us: we slow down, and say so", async (t) => {
  const { kv, start } = world(t);
  await kv.put({ key: key("config"), value: bytes('{"Network":"10.5.0.0/16"}') });
  const { network, kernel } = start(1);
  await until(() => kernel.state.device !== null);
  const { apply } = kernel;
  kernel.apply = (name, changes) => {
    const failures = apply.call(kernel, name, changes);
    queueMicrotask(() => kernel.damage({ addresses: [] }));
    return failures;
  };
  kernel.damage({ addresses: [] });
  await until(() => network.status().problem?.includes("does not stay") ?? false);
  const before = kernel.applications.length;
  t.ok(before < 30, `${before} corrections`);
  kernel.apply = apply;
  await until(() => network.status().problem === null);
});

test("many peers at once are set up in slices, and all of them are", async (t) => {
  const { kv, start } = world(t);
  await kv.put({ key: key("config"), value: bytes('{"Network":"10.0.0.0/8"}') });
  for (let peer = 1; peer <= 300; peer++) {
    const [third, last] = [peer >> 8, peer & 255];
    const mac = `02:00:00:00:0${third}:${last.toString(16).padStart(2, "0")}`;
    const value = {
      PublicIP: `172.16.${third}.${last}`,
      BackendType: "vxlan",
      BackendData: { VtepMAC: mac },
    };
    await kv.put({ key: key(`subnets/10.5${third}.${last}.0-24`), value: bytes(JSON.stringify(value)) });
  }
  const { network, kernel } = start(1);
  await until(() => network.status().mtu !== null && kernel.state.routes.length === 300);
  t.equal(network.status().problem, null);
  t.ok(kernel.applications.every((changes) => changes.length <= 200));
  t.equal(kernel.state.forwarding.length, 300);
});

test("no external interface yet: awaited", async (t) => {
  const { kv, start } = world(t);
  const { network, kernel } = start(1);
  const external = kernel.externalVerdict;
  kernel.externalVerdict = {
    ok: false,
    problem: "there is no default route; name the interface with --iface",
  };
  await kv.put({ key: key("config"), value: bytes('{"Network":"10.5.0.0/16"}') });
  await until(() => network.status().problem?.startsWith("there is no default route") ?? false);
  kernel.externalVerdict = external;
  await until(() => network.status().subnet !== null);
  t.pass();
});

test("a network that is off says why", async (t) => {
  const network = absentNetwork("no CAP_NET_ADMIN");
  t.equal(network.status().problem, "no CAP_NET_ADMIN");
  t.same(network.leases(), []);
  await network.close();
});
