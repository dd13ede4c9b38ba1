import fc from "fast-check";
import { test } from "tap";
import { LeaseId } from "../../../src/base/ids.ts";
import { desiredVxlan, vxlanAttributes, vxlanMac, vxlanPeers } from "../../../src/network/backends/vxlan.ts";
import { type NetworkConfig, parseNetworkConfig } from "../../../src/network/config.ts";
import { describeChange } from "../../../src/network/describe.ts";
import { diff } from "../../../src/network/diff.ts";
import { Ipv4, type Prefix, parseIpv4, parsePrefix } from "../../../src/network/ipv4.ts";
import type { ActualState, KernelState } from "../../../src/network/kernel-state.ts";
import { formatLeaseName, type SubnetLease } from "../../../src/network/lease.ts";
import { type Mac, parseMac } from "../../../src/network/mac.ts";
import { actual, applied, emptyState } from "./memory-kernel.ts";

const prefix = (text: string): Prefix => parsePrefix(text)!;
const configOf = (text: string): NetworkConfig => {
  const verdict = parseNetworkConfig(text);
  if (!verdict.ok) throw new Error(verdict.problem);
  return verdict.config;
};
const config = configOf('{"Network":"10.5.0.0/16"}');
const self = {
  subnet: prefix("10.5.1.0/24"),
  external: { name: "eth0", index: 2, mtu: 1500, address: parseIpv4("192.168.0.1")! },
  mac: vxlanMac("machine", config),
};
const lease = (
  subnet: string,
  publicIp: string,
  rest: object = { VNI: 1, VtepMAC: "02:00:00:00:00:02" },
): SubnetLease => ({
  name: formatLeaseName(prefix(subnet)),
  subnet: prefix(subnet),
  attributes: { publicIp: parseIpv4(publicIp)!, publicIpv6: null, backendType: "vxlan", backendData: rest },
  modRevision: 1,
  storeLease: LeaseId(1n),
});

test("what is desired for a peer", async (t) => {
  const state = desiredVxlan(
    self,
    [lease("10.5.1.0/24", "192.168.0.1"), lease("10.5.2.0/24", "192.168.0.2")],
    config,
  );
  t.same(state.device, {
    kind: "vxlan",
    name: "flannel.1",
    mac: self.mac,
    mtu: 1450,
    vni: 1,
    parent: 2,
    local: parseIpv4("192.168.0.1"),
    port: null,
    learning: false,
    gbp: false,
  });
  t.same(state.addresses, [prefix("10.5.1.0/32")]);
  t.same(state.neighbours, [{ address: parseIpv4("10.5.2.0"), mac: "02:00:00:00:00:02" }]);
  t.same(state.forwarding, [{ mac: "02:00:00:00:00:02", destination: parseIpv4("192.168.0.2") }]);
  t.same(state.routes, [
    { destination: prefix("10.5.2.0/24"), gateway: parseIpv4("10.5.2.0"), onlink: true },
  ]);
  t.same(vxlanAttributes(self.external.address, self.mac, config).backendData, { VNI: 1, VtepMAC: self.mac });
});

test("the MTU", async (t) => {
  const rows: Array<[number, number | null, number]> = [
    [1500, null, 1450],
    [1400, null, 1350],
    [9000, 1500, 1450],
    [1500, 9000, 1450],
  ];
  for (const [external, underlay, expected] of rows) {
    const backend = { ...config.backend, mtu: underlay };
    const state = desiredVxlan({ ...self, external: { ...self.external, mtu: external } }, [], {
      ...config,
      backend,
    });
    t.equal(state.device.mtu, expected);
  }
});

test("who is a peer", async (t) => {
  const rows: Array<[string, SubnetLease, boolean]> = [
    ["another host", lease("10.5.2.0/24", "192.168.0.2"), true],
    [
      "an old flannel, without VNI",
      lease("10.5.2.0/24", "192.168.0.2", { VtepMAC: "02:00:00:00:00:02" }),
      true,
    ],
    ["upper case", lease("10.5.2.0/24", "192.168.0.2", { vtepmac: "AA:BB:CC:DD:EE:FF" }), true],
    ["a subnet of another length", lease("10.5.2.0/26", "192.168.0.2"), true],
    ["ourselves", lease("10.5.1.0/24", "192.168.0.1"), false],
    ["a part of our own subnet", lease("10.5.1.128/25", "192.168.0.2"), false],
    ["another network: it could take any traffic", lease("8.8.8.0/24", "192.168.0.2"), false],
    ["everything", lease("0.0.0.0/0", "192.168.0.2"), false],
    ["no MAC", lease("10.5.2.0/24", "192.168.0.2", {}), false],
    ["a broken MAC", lease("10.5.2.0/24", "192.168.0.2", { VtepMAC: "02:00:00" }), false],
    ["data of another shape", lease("10.5.2.0/24", "192.168.0.2", []), false],
  ];
  for (const [what, entry, expected] of rows) {
    t.equal(vxlanPeers(self, [entry], config).length, expected ? 1 : 0, what);
  }
  const other = lease("10.5.2.0/24", "192.168.0.2");
  const udp = { ...other, attributes: { ...other.attributes, backendType: "" } };
  t.equal(vxlanPeers(self, [udp], config).length, 0, "another backend");
});

const mac = fc.nat(5).map((n): Mac => parseMac(`02:00:00:00:00:0${n}`)!);
const address = fc.nat(7).map((n) => Ipv4(0x0a050000 + n * 256));
const underlay = fc.nat(3).map((n) => Ipv4(0xc0a80000 + n));
const unique = <Item>(items: Item[], key: (item: Item) => unknown): Item[] => [
  ...new Map(items.map((item) => [key(item), item])).values(),
];
const entries = fc.record({
  neighbours: fc.array(fc.record({ address, mac })).map((list) => unique(list, (entry) => entry.address)),
  forwarding: fc
    .array(fc.record({ mac, destination: underlay }))
    .map((list) => unique(list, (entry) => entry.mac)),
  routes: fc
    .array(
      fc.record({
        destination: address.map((base) => ({ address: base, length: 24 })),
        gateway: fc.option(address),
        onlink: fc.boolean(),
      }),
    )
    .map((list) => unique(list, (route) => route.destination.address)),
  addresses: fc.uniqueArray(address).map((list) => list.map((base) => ({ address: base, length: 32 }))),
});
const device = fc.record({
  mac,
  mtu: fc.constantFrom(1450, 1400),
  vni: fc.constantFrom(1, 2),
  parent: fc.constantFrom(2, 3),
  local: underlay,
  learning: fc.boolean(),
  gbp: fc.boolean(),
  port: fc.constantFrom(null, 4789),
});
const desired = fc.record({ device, entries }).map(
  ({ device: found, entries: list }): KernelState => ({
    device: { kind: "vxlan", name: "flannel.1", ...found },
    network: prefix("10.5.0.0/16"),
    ...list,
  }),
);
const foreign = prefix("172.20.0.1/32");
const actualState = fc
  .record({
    there: fc.boolean(),
    up: fc.boolean(),
    kind: fc.constantFrom("vxlan", "vxlan", "dummy"),
    device,
    entries,
  })
  .map(({ there, up, kind, device: found, entries: list }): ActualState => {
    if (!there) return emptyState;
    const base = { ...actual({ kind: "vxlan", name: "flannel.1", ...found }), up, kind };
    return { device: base, ...list, addresses: [...list.addresses, foreign] };
  });

const sorted = (list: readonly unknown[]): string =>
  JSON.stringify(list.map((item) => JSON.stringify(item)).sort());

test("applying the difference gives what is desired, and then there is none", async () => {
  fc.assert(
    fc.property(actualState, desired, (start, goal) => {
      const changes = diff(start, goal);
      let state = start;
      for (const change of changes) {
        const next = applied(state, change);
        if (typeof next === "string") throw new Error(`${describeChange(change)}: ${next}`);
        state = next;
      }
      if (diff(state, goal).length > 0) throw new Error("not at rest");
      const ours = state.addresses.filter((entry) => entry.address !== foreign.address);
      const kept = state.addresses.length > ours.length;
      const recreated = changes.some((change) => change.type === "create-device");
      return (
        sorted(state.neighbours) === sorted(goal.neighbours) &&
        sorted(state.forwarding) === sorted(goal.forwarding) &&
        sorted(state.routes) === sorted(goal.routes) &&
        sorted(ours) === sorted(goal.addresses) &&
        (kept || recreated) &&
        state.device?.mac === goal.device.mac &&
        state.device.up
      );
    }),
    { numRuns: 500 },
  );
});

test("a device is only remade for what cannot be corrected", async (t) => {
  const goal = desiredVxlan(self, [], config);
  const found = { ...emptyState, device: actual(goal.device), addresses: goal.addresses };
  const rows: Array<[string, Partial<NonNullable<ActualState["device"]>>, string[]]> = [
    ["nothing wrong", {}, []],
    ["another port, where none is asked for", { port: 4789 }, []],
    ["down", { up: false }, ["set-device up"]],
    ["MAC", { mac: parseMac("02:00:00:00:00:09") }, [`set-device up address ${self.mac}`]],
    ["MTU", { mtu: 1300 }, ["set-device up mtu 1450"]],
  ];
  for (const [what, flaw, expected] of rows) {
    t.same(
      diff({ ...found, device: { ...found.device, ...flaw } }, goal).map(describeChange),
      expected,
      what,
    );
  }
  for (const flaw of [
    { kind: "dummy" },
    { vni: 2 },
    { parent: 9 },
    { local: Ipv4(1) },
    { learning: true },
    { gbp: true },
  ]) {
    const changes = diff({ ...found, device: { ...found.device, ...flaw } }, goal).map(
      (change) => change.type,
    );
    t.same(changes, ["delete-device", "create-device", "add-address"], JSON.stringify(flaw));
  }
});
