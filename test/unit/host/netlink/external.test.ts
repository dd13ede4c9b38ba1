import { test } from "tap";
import type { LinkAddress } from "../../../../src/host/netlink/address.ts";
import type { LinkRoute } from "../../../../src/host/netlink/route.ts";
import { chooseExternal } from "../../../../src/host/network/external.ts";
import { formatIpv4, parseIpv4, parsePrefix } from "../../../../src/network/ipv4.ts";
import type { ExternalChoice } from "../../../../src/network/kernel-state.ts";

const link = (index: number, name: string, mtu = 1500) => ({
  index,
  name,
  up: true,
  mtu,
  mac: null,
  kind: "",
  data: null,
});
const address = (index: number, prefix: string, rest: Partial<LinkAddress> = {}): LinkAddress => ({
  index,
  prefix: parsePrefix(prefix)!,
  scope: 0,
  permanent: true,
  secondary: false,
  deprecated: false,
  ...rest,
});
const route = (destination: string, device: number | null, rest: Partial<LinkRoute> = {}): LinkRoute => ({
  destination: parsePrefix(destination)!,
  gateway: parseIpv4("10.0.0.1"),
  onlink: false,
  device,
  table: 254,
  protocol: 3,
  unicast: true,
  priority: 0,
  ...rest,
});

const view = {
  links: [link(1, "lo", 65536), link(2, "eth0"), link(3, "eth1", 9000), link(4, "bare"), link(5, "many")],
  addresses: [
    address(1, "127.0.0.1/8", { scope: 254 }),
    address(2, "10.0.0.5/24"),
    address(3, "10.1.0.5/24"),
    address(5, "169.254.7.7/16", { scope: 253 }),
    address(5, "10.2.0.1/24", { deprecated: true }),
    address(5, "10.2.0.2/24", { permanent: false }),
    address(5, "10.2.0.3/24", { secondary: true }),
    address(5, "10.2.0.4/24"),
  ],
  routes: [
    route("10.9.0.0/16", 3),
    route("0.0.0.0/0", 3, { table: 100 }),
    route("0.0.0.0/0", null),
    route("0.0.0.0/0", 3, { unicast: false }),
    route("0.0.0.0/0", 2),
    route("0.0.0.0/0", 3, { priority: 100 }),
  ],
};

test("the external interface", async (t) => {
  const rows: Array<[string, ExternalChoice, string]> = [
    ["the first default route of the main table", {}, "eth0 10.0.0.5 1500"],
    ["by name", { iface: "eth1" }, "eth1 10.1.0.5 9000"],
    ["by address", { iface: "10.1.0.5" }, "eth1 10.1.0.5 9000"],
    ["by address, also a second one", { iface: "10.2.0.3" }, "many 10.2.0.3 1500"],
    ["by public address, if it is one of ours", { publicIp: parseIpv4("10.1.0.5")! }, "eth1 10.1.0.5 9000"],
    ["public address behind a NAT", { publicIp: parseIpv4("203.0.113.7")! }, "eth0 10.0.0.5 1500"],
    [
      "--iface goes before the public address",
      { iface: "eth0", publicIp: parseIpv4("10.1.0.5")! },
      "eth0 10.0.0.5 1500",
    ],
    ["the best of many addresses", { iface: "many" }, "many 10.2.0.4 1500"],
    ["no such name", { iface: "eth9" }, "there is no interface eth9 as given by --iface"],
    ["no such address", { iface: "10.7.0.1" }, "no interface has the address 10.7.0.1 given as --iface"],
    ["no address", { iface: "bare" }, "interface bare has no IPv4 address"],
  ];
  for (const [what, choice, expected] of rows) {
    const verdict = chooseExternal(view, choice);
    const shown = verdict.ok
      ? `${verdict.external.name} ${formatIpv4(verdict.external.address)} ${verdict.external.mtu}`
      : verdict.problem;
    t.equal(shown, expected, what);
  }
  t.match(chooseExternal({ ...view, routes: [] }, {}), { ok: false, problem: /no default route/ });
  const zero = { ...view, links: [link(2, "eth0", 0)] };
  t.match(chooseExternal(zero, {}), { ok: false, problem: /has no MTU/ });
});
