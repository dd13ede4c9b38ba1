import { test } from "tap";
import { formatPrefix, parseIpv4, parsePrefix } from "../../../src/network/ipv4.ts";
import {
  formatLeaseName,
  formatLeaseValue,
  type LeaseAttributes,
  parseLeaseName,
  parseLeaseValue,
} from "../../../src/network/lease.ts";
import { stableMac } from "../../../src/network/mac.ts";
import { formatSubnetEnv, previousSubnet } from "../../../src/network/subnet-env.ts";

const publicIp = parseIpv4("192.168.77.12")!;

test("names of leases", async (t) => {
  t.equal(formatLeaseName(parsePrefix("10.5.34.0/24")!), "10.5.34.0-24");
  const rows: Array<[string, string | null]> = [
    ["10.5.34.0-24", "10.5.34.0/24"],
    ["/coreos.com/network/subnets/10.5.34.0-24", "10.5.34.0/24"],
    ["10.5.34.0-24&fc00:5:0:2f::-64", "10.5.34.0/24"],
    ["10.5.34.0-31", "10.5.34.0/31"],
    ["10.5.34.0-32", null],
    ["10.5.34.0-24&fc00::-128", null],
    ["10.5.34-24", null],
    ["10.5.34.0", null],
    ["10.5.34.300-24", null],
    ["10.5.34.0-24x", null],
    ["", null],
  ];
  for (const [name, expected] of rows) {
    const subnet = parseLeaseName(name);
    t.equal(subnet && formatPrefix(subnet), expected, name);
  }
});

test("values of leases: what real flannels wrote is read and written back the same", async (t) => {
  const vxlan: LeaseAttributes = {
    publicIp,
    publicIpv6: null,
    backendType: "vxlan",
    backendData: { VNI: 1, VtepMAC: "b6:d1:e9:35:de:c4" },
  };
  const written =
    '{"PublicIP":"192.168.77.12","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"b6:d1:e9:35:de:c4"}}';
  t.equal(formatLeaseValue(vxlan), written);
  t.same(parseLeaseValue(written), vxlan);
  const rows: Array<[string, Partial<LeaseAttributes> | null]> = [
    ['{"PublicIP":"192.168.77.12"}', { publicIp, publicIpv6: null, backendType: "", backendData: undefined }],
    ['{"PublicIP":"192.168.77.12","PublicIPv6":null}', { backendType: "" }],
    [
      '{"PublicIP":"192.168.77.12","PublicIPv6":"fc00::1","BackendType":"host-gw"}',
      { publicIpv6: "fc00::1", backendType: "host-gw" },
    ],
    [
      '{"publicip":"192.168.77.12","BackendType":"extension","BackendData":"text"}',
      { publicIp, backendData: "text" },
    ],
    ['{"PublicIP":"x"}', null],
    ["{}", null],
    ["[]", null],
    ["", null],
    ["null", null],
  ];
  for (const [text, expected] of rows) {
    const attributes = parseLeaseValue(text);
    if (expected) t.match(attributes, expected, text);
    else t.equal(attributes, null, text);
  }
});

test("subnet.env is flannel's to the byte, and is read back", async (t) => {
  const text = formatSubnetEnv({
    network: parsePrefix("10.5.0.0/16")!,
    subnet: parsePrefix("10.5.34.0/24")!,
    mtu: 1450,
    ipMasq: false,
  });
  t.equal(
    text,
    "FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.34.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n",
  );
  t.same(previousSubnet(text), parsePrefix("10.5.34.0/24"));
  t.equal(previousSubnet(""), null);
  t.equal(previousSubnet("FLANNEL_SUBNET=nonsense\n"), null);
});

test("a stable MAC is unicast, locally administered, and its own for each machine and network", async (t) => {
  const macs = new Set<string>();
  for (let machine = 0; machine < 1000; machine++) {
    const mac = stableMac(`machine-${machine}/vxlan/1`);
    t.match(mac, /^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
    macs.add(mac);
  }
  t.equal(macs.size, 1000);
  t.equal(stableMac("m/vxlan/1"), stableMac("m/vxlan/1"));
});
