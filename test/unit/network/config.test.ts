import { test } from "tap";
import { type NetworkConfig, parseNetworkConfig } from "../../../src/network/config.ts";
import { formatIpv4, formatPrefix } from "../../../src/network/ipv4.ts";

const show = ({ network, subnetLength, subnetMin, subnetMax }: NetworkConfig): string =>
  `${formatPrefix(network)} /${subnetLength} ${formatIpv4(subnetMin)}..${formatIpv4(subnetMax)}`;

test("configurations that are accepted", async (t) => {
  const rows: Array<[string, string]> = [
    ['{"Network":"10.5.0.0/16"}', "10.5.0.0/16 /24 10.5.1.0..10.5.255.0"],
    ['{"Network":"10.5.7.9/16"}', "10.5.0.0/16 /24 10.5.1.0..10.5.255.0"],
    ['{"network":"10.5.0.0/16","SUBNETLEN":26}', "10.5.0.0/16 /26 10.5.0.64..10.5.255.192"],
    ['{"network":"10.9.0.0/16","Network":"10.5.0.0/16"}', "10.5.0.0/16 /24 10.5.1.0..10.5.255.0"],
    ['{"Network":"10.5.0.0/22"}', "10.5.0.0/22 /24 10.5.1.0..10.5.3.0"],
    ['{"Network":"10.5.0.0/23"}', "10.5.0.0/23 /25 10.5.0.128..10.5.1.128"],
    ['{"Network":"10.5.0.0/28"}', "10.5.0.0/28 /30 10.5.0.4..10.5.0.12"],
    ['{"Network":"10.5.0.0/16","SubnetLen":30}', "10.5.0.0/16 /30 10.5.0.4..10.5.255.252"],
    [
      '{"Network":"10.5.0.0/16","SubnetLen":0,"SubnetMin":"","SubnetMax":null}',
      "10.5.0.0/16 /24 10.5.1.0..10.5.255.0",
    ],
    [
      '{"Network":"10.5.0.0/16","SubnetMin":"10.5.16.0","SubnetMax":"10.5.31.0"}',
      "10.5.0.0/16 /24 10.5.16.0..10.5.31.0",
    ],
    ['{"Network":"0.0.0.0/0","SubnetLen":8}', "0.0.0.0/0 /8 1.0.0.0..255.0.0.0"],
    ['{"Network":"10.5.0.0/16","Unknown":{"a":1}}', "10.5.0.0/16 /24 10.5.1.0..10.5.255.0"],
  ];
  for (const [text, expected] of rows) {
    const verdict = parseNetworkConfig(text);
    t.equal(verdict.ok ? show(verdict.config) : verdict.problem, expected, text);
  }
});

test("the backend", async (t) => {
  const rows: Array<[string, object]> = [
    ["", { type: "vxlan", vni: 1, port: null, gbp: false, learning: false, mtu: null }],
    [',"Backend":{"Type":"VXLAN"}', { type: "vxlan", vni: 1, port: null }],
    [
      ',"backend":{"type":"vxlan","vni":7,"port":4789,"gbp":true,"learning":true,"mtu":1400}',
      { vni: 7, port: 4789, gbp: true, learning: true, mtu: 1400 },
    ],
    [',"Backend":{"Type":"vxlan","Port":0,"MTU":0,"DirectRouting":false}', { port: null, mtu: null }],
  ];
  for (const [extra, expected] of rows) {
    const verdict = parseNetworkConfig(`{"Network":"10.5.0.0/16"${extra}}`);
    t.ok(verdict.ok, extra);
    if (verdict.ok) t.match(verdict.config.backend, expected);
  }
});

test("configurations that are refused name the field", async (t) => {
  const network = (rest: string): string => `{"Network":"10.5.0.0/16",${rest}}`;
  const rows: Array<[string, string]> = [
    ["", "config:"],
    ["{", "config:"],
    ["[]", "config:"],
    ["null", "config:"],
    ["{}", "Network:"],
    ['{"Network":5}', "Network:"],
    ['{"Network":"10.5.0.0"}', "Network:"],
    ['{"Network":"10.5.0.0/33"}', "Network:"],
    ['{"Network":"10.5.0.256/16"}', "Network:"],
    ['{"Network":"10.05.0.0/16"}', "Network:"],
    ['{"Network":"10.5.0.0/29"}', "Network:"],
    [network('"SubnetLen":31'), "SubnetLen:"],
    [network('"SubnetLen":17'), "SubnetLen:"],
    [network('"SubnetLen":"24"'), "SubnetLen:"],
    [network('"SubnetLen":24.5'), "SubnetLen:"],
    [network('"SubnetLen":-1'), "SubnetLen:"],
    ['{"Network":"10.5.0.0/29","SubnetLen":30}', "SubnetLen:"],
    [network('"SubnetMin":"10.6.0.0"'), "SubnetMin:"],
    [network('"SubnetMin":"10.5.1.1"'), "SubnetMin:"],
    [network('"SubnetMin":"x"'), "SubnetMin:"],
    [network('"SubnetMin":7'), "SubnetMin:"],
    [network('"SubnetMin":"10.5.9.0","SubnetMax":"10.5.8.0"'), "SubnetMin:"],
    [network('"SubnetMax":"10.6.0.0"'), "SubnetMax:"],
    [network('"SubnetMax":"10.5.255.255"'), "SubnetMax:"],
    [network('"EnableIPv4":false'), "EnableIPv4:"],
    [network('"EnableIPv4":"yes"'), "EnableIPv4:"],
    [network('"EnableIPv6":true,"IPv6Network":"fc00::/48"'), "EnableIPv6:"],
    [network('"EnableNFTables":true'), "EnableNFTables:"],
    [network('"Backend":"vxlan"'), "Backend:"],
    [network('"Backend":[]'), "Backend:"],
    [network('"Backend":{}'), "Backend.Type:"],
    [network('"Backend":{"Type":1}'), "Backend.Type:"],
    ...["udp", "host-gw", "wireguard", "ipip", "ipsec", "alloc", "extension", "aws-vpc", "nonsense"].map(
      (type): [string, string] => [network(`"Backend":{"Type":"${type}"}`), "Backend.Type:"],
    ),
    [network('"Backend":{"Type":"vxlan","VNI":16777216}'), "Backend.VNI:"],
    [network('"Backend":{"Type":"vxlan","VNI":-1}'), "Backend.VNI:"],
    [network('"Backend":{"Type":"vxlan","Port":65536}'), "Backend.Port:"],
    [network('"Backend":{"Type":"vxlan","MTU":100}'), "Backend.MTU:"],
    [network('"Backend":{"Type":"vxlan","GBP":1}'), "Backend.GBP:"],
    [network('"Backend":{"Type":"vxlan","Learning":"x"}'), "Backend.Learning:"],
    [network('"Backend":{"Type":"vxlan","DirectRouting":true}'), "Backend.DirectRouting:"],
  ];
  for (const [text, field] of rows) {
    const verdict = parseNetworkConfig(text);
    t.equal(verdict.ok, false, text);
    if (!verdict.ok) t.match(verdict.problem, new RegExp(`^${field.replace(".", "\\.")} .+[^.]$`));
  }
});
