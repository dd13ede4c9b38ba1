/** Lock and Election: etcd.md section 10. */
import { GrpcCode } from "../../../src/store/wire/grpc-code.ts";
import {
  abandon,
  type Case,
  type CaseGroup,
  call,
  check,
  join,
  keep,
  kept,
  next,
  open,
  refused,
  refusedAs,
  rev,
  send,
  start,
  until,
} from "./case.ts";

const { UNKNOWN } = GrpcCode;
/** Not NotFound: these services are clients of the store themselves, and hand its error on as text. */
const leaseMissing = refused(UNKNOWN, "requested lease not found");
const notLeader = refusedAs(UNKNOWN, "election: not leader");
const leaderMissing = refusedAs(UNKNOWN, '"leader" field must be provided');

const locks: Case[] = [
  {
    name: "lock: the key is name/lease; the second waits for the first",
    steps: [
      call("LeaseGrant", { TTL: 600, ID: 0x10 }),
      call("LeaseGrant", { TTL: 600, ID: 0x20 }),
      call("Lock", { name: "l", lease: 0x10 }, { key: "l/10", header: { revision: rev(1) } }),
      call("Lock", { name: "l", lease: 0x10 }, { key: "l/10" }),
      call("Range", { key: "l/10" }, { kvs: [{ lease: 0x10, value: "", create_revision: rev(1) }] }),
      start("second", "Lock", { name: "l", lease: 0x20 }),
      until("Range", { key: "l/", range_end: "l0" }, { count: 2 }),
      call("Unlock", { key: "l/10" }, { header: { revision: rev(3) } }),
      join("second", { key: "l/20" }),
      call("Unlock", { key: "l/20" }),
      call("Unlock", { key: "l/20" }),
      call("Range", { key: "l/", range_end: "l0" }, { count: 0 }),
    ],
  },
  {
    name: "lock: without a lease the server makes one of 60 seconds",
    steps: [
      call("Lock", { name: "l" }, { key: check("l/hex", (key: string) => /^l\/[0-9a-f]+$/.test(key)) }),
      call("LeaseLeases", {}, { leases: [{ ID: keep("lease") }] }),
      call("LeaseTimeToLive", { ID: kept("lease") }, { grantedTTL: 60 }),
    ],
  },
  {
    name: "lock: an unknown lease",
    steps: [call("Lock", { name: "l", lease: 404 }, leaseMissing)],
  },
  {
    name: "lock: a waiter who gives up leaves no key",
    steps: [
      call("LeaseGrant", { TTL: 600, ID: 1 }),
      call("LeaseGrant", { TTL: 600, ID: 2 }),
      call("Lock", { name: "l", lease: 1 }),
      start("second", "Lock", { name: "l", lease: 2 }),
      until("Range", { key: "l/", range_end: "l0" }, { count: 2 }),
      abandon("second"),
      until("Range", { key: "l/", range_end: "l0" }, { count: 1 }),
    ],
  },
  {
    name: "lock: the holder's lease ends",
    steps: [
      call("LeaseGrant", { TTL: 600, ID: 1 }),
      call("LeaseGrant", { TTL: 600, ID: 2 }),
      call("Lock", { name: "l", lease: 1 }),
      start("second", "Lock", { name: "l", lease: 2 }),
      until("Range", { key: "l/", range_end: "l0" }, { count: 2 }),
      call("LeaseRevoke", { ID: 1 }),
      join("second", { key: "l/2" }),
    ],
  },
];

const elections: Case[] = [
  {
    name: "campaign, leader, proclaim, resign",
    steps: [
      call("Leader", { name: "e" }, refusedAs(UNKNOWN, "election: no leader")),
      call("LeaseGrant", { TTL: 600, ID: 1 }),
      call("LeaseGrant", { TTL: 600, ID: 2 }),
      call(
        "Campaign",
        { name: "e", lease: 1, value: "one" },
        { leader: { name: "e", key: "e/1", rev: rev(1), lease: 1 } },
      ),
      call("Leader", { name: "e" }, { kv: { key: "e/1", value: "one", lease: 1, create_revision: rev(1) } }),
      call("Campaign", { name: "e", lease: 1, value: "again" }, { leader: { key: "e/1", rev: rev(1) } }),
      call("Leader", { name: "e" }, { kv: { value: "again" } }),
      call("Proclaim", { leader: { name: "e", key: "e/1", rev: rev(1), lease: 1 }, value: "new" }),
      call("Leader", { name: "e" }, { kv: { value: "new", create_revision: rev(1) } }),
      call("Proclaim", { leader: { name: "e", key: "e/1", rev: 1, lease: 1 }, value: "old" }, notLeader),
      start("second", "Campaign", { name: "e", lease: 2, value: "two" }),
      until("Range", { key: "e/", range_end: "e0" }, { count: 2 }),
      call("Resign", { leader: { name: "e", key: "e/1", rev: rev(1), lease: 1 } }),
      join("second", { leader: { key: "e/2" } }),
      call("Leader", { name: "e" }, { kv: { value: "two" } }),
      call("Resign", { leader: { name: "e", key: "e/1", rev: rev(1), lease: 1 } }),
      call(
        "Proclaim",
        { leader: { name: "e", key: "e/1", rev: rev(1), lease: 1 }, value: "late" },
        notLeader,
      ),
    ],
  },
  {
    name: "a leader must be named",
    steps: [call("Proclaim", { value: "x" }, leaderMissing), call("Resign", {}, leaderMissing)],
  },
  {
    name: "campaign with an unknown lease",
    steps: [call("Campaign", { name: "e", lease: 404, value: "x" }, leaseMissing)],
  },
  {
    name: "observe: the leader, then each change",
    steps: [
      call("LeaseGrant", { TTL: 600, ID: 1 }),
      call("LeaseGrant", { TTL: 600, ID: 2 }),
      call("Campaign", { name: "e", lease: 1, value: "one" }, { leader: { rev: keep("rev") } }),
      open("o", "Observe"),
      send("o", { name: "e" }),
      next("o", { kv: { key: "e/1", value: "one" } }),
      call("Proclaim", { leader: { name: "e", key: "e/1", rev: kept("rev"), lease: 1 }, value: "two" }),
      next("o", { kv: { key: "e/1", value: "two" } }),
      start("second", "Campaign", { name: "e", lease: 2, value: "three" }),
      until("Range", { key: "e/", range_end: "e0" }, { count: 2 }),
      call("LeaseRevoke", { ID: 1 }),
      join("second", {}),
      next("o", { kv: { key: "e/2", value: "three" } }),
    ],
  },
  {
    name: "observe before there is a leader",
    steps: [
      call("LeaseGrant", { TTL: 600, ID: 1 }),
      open("o", "Observe"),
      send("o", { name: "e" }),
      call("Range", { key: "a" }),
      call("Campaign", { name: "e", lease: 1, value: "one" }),
      next("o", { kv: { key: "e/1", value: "one" } }),
    ],
  },
];

export const concurrencyGroups: readonly CaseGroup[] = [
  { name: "lock and election", cases: [...locks, ...elections] },
];
