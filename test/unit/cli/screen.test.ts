/** The status on one screen. */
import { test } from "tap";
import { screen } from "../../../src/cli/status/screen.ts";
import { table } from "../../../src/cli/table.ts";
import { sampleStatus } from "./sample-status.ts";

test("all parts", async (t) => {
  const expected = `h1 (server 8e9e05c52164694d, version 0.1.0)
cluster cdf818194e3a8c32, leader h2, term 3, revision 42
problem: units are off: no systemd

MEMBER  ID                ROLE      PEER URLS             CLIENT URLS           REACHABLE
h1      8e9e05c52164694d  follower  http://10.0.0.1:2380  http://10.0.0.1:2379  yes
h2      91bc3c398fb3c146  leader    http://10.0.0.2:2380  -                     -

MACHINE  ID        IP        STATE  REPORTED  UNITS  METADATA
h1       01234567  10.0.0.1  live   0.3s ago  1      disk=ssd,zone=b

UNIT           DESIRED   CURRENT   MACHINE  ACTIVE  SUB
hello.service  launched  launched  h1       active  running

SUBNET        PUBLIC IP  BACKEND  SELF
10.5.34.0/24  10.0.0.1   vxlan    this host
10.5.35.0/24  10.0.0.2   vxlan    -
`;
  t.equal(screen(sampleStatus), expected);
});

test("empty parts say so", async (t) => {
  const cluster = { ...sampleStatus.cluster, leader: null };
  const empty = { ...sampleStatus, cluster, members: [], machines: [], units: [], subnets: [], problems: [] };
  t.match(screen(empty), /leader none/);
  t.match(screen(empty), /\nno members\n\nno machines\n\nno units\n\nno subnets\n$/);
});

test("table", async (t) => {
  t.equal(table(["A", "LONG"], []), "A  LONG\n");
  t.equal(table(["A", "B"], [["wide", ""]]), "A     B\nwide  -\n");
});
