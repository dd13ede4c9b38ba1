/** Lease: etcd.md section 6. */
import { GrpcCode } from "../../../src/store/wire/grpc-code.ts";
import {
  type Case,
  type CaseGroup,
  call,
  check,
  ended,
  finish,
  keep,
  kept,
  next,
  open,
  positive,
  refused,
  rev,
  send,
  until,
} from "./case.ts";

const { NOT_FOUND, FAILED_PRECONDITION, OUT_OF_RANGE } = GrpcCode;
const unknown = refused(NOT_FOUND, "requested lease not found");

const cases: Case[] = [
  {
    name: "grant: an id of the server's or of the client's; the minimum TTL (checklist 10)",
    steps: [
      call("LeaseGrant", { TTL: 60 }, { ID: positive, TTL: 60, error: "", header: { revision: rev(0) } }),
      call("LeaseGrant", { TTL: 60, ID: 77 }, { ID: 77, TTL: 60 }),
      call("LeaseGrant", { TTL: 60, ID: 77 }, refused(FAILED_PRECONDITION, "lease already exists")),
      call("LeaseGrant", { TTL: 1 }, { TTL: 2 }),
      call("LeaseGrant", { TTL: 0 }, { TTL: 2 }),
      call("LeaseGrant", { TTL: -5 }, { TTL: 2 }),
      call("LeaseGrant", { TTL: 9_000_000_000 }, { TTL: 9_000_000_000 }),
      call("LeaseGrant", { TTL: 9_000_000_001 }, refused(OUT_OF_RANGE, "too large lease TTL")),
    ],
  },
  {
    name: "revoke deletes the attached keys in one revision, sorted; without keys none moves (checklist 11)",
    steps: [
      call("LeaseGrant", { TTL: 600, ID: 5 }),
      call("Put", { key: "b", lease: 5 }),
      call("Put", { key: "a", lease: 5 }),
      call("Put", { key: "free" }),
      call("LeaseRevoke", { ID: 5 }, { header: { revision: rev(4) } }),
      call("Range", { key: "a", range_end: "z" }, { header: { revision: rev(4) }, kvs: [{ key: "free" }] }),
      call("LeaseRevoke", { ID: 5 }, unknown),
      call("LeaseGrant", { TTL: 600, ID: 6 }),
      call("LeaseRevoke", { ID: 6 }, { header: { revision: rev(4) } }),
      call("LeaseRevoke", { ID: 123456 }, unknown),
    ],
  },
  {
    name: "a key that was put again without the lease survives its end",
    steps: [
      call("LeaseGrant", { TTL: 600, ID: 5 }),
      call("Put", { key: "a", lease: 5 }),
      call("Put", { key: "a", value: "free" }),
      call("LeaseRevoke", { ID: 5 }, { header: { revision: rev(2) } }),
      call("Range", { key: "a" }, { count: 1 }),
    ],
  },
  {
    name: "time to live: remaining and granted seconds, keys if asked; -1 for an unknown one",
    steps: [
      call("LeaseGrant", { TTL: 600, ID: 5 }),
      call("Put", { key: "b", lease: 5 }),
      call("Put", { key: "a", lease: 5 }),
      call(
        "LeaseTimeToLive",
        { ID: 5 },
        {
          ID: 5,
          TTL: check("590 to 600", (ttl: number) => ttl > 590 && ttl <= 600),
          grantedTTL: 600,
          keys: [],
        },
      ),
      call(
        "LeaseTimeToLive",
        { ID: 5, keys: true },
        { keys: check("a and b", (keys: string[]) => [...keys].sort().join() === "a,b") },
      ),
      call("LeaseTimeToLive", { ID: 404 }, { ID: 404, TTL: -1, grantedTTL: 0, keys: [] }),
    ],
  },
  {
    name: "leases: all that live, soonest to expire first",
    steps: [
      call("LeaseLeases", {}, { leases: [] }),
      call("LeaseGrant", { TTL: 900, ID: 1 }),
      call("LeaseGrant", { TTL: 300, ID: 2 }),
      call("LeaseGrant", { TTL: 600, ID: 3 }),
      call("LeaseLeases", {}, { leases: [{ ID: 2 }, { ID: 3 }, { ID: 1 }] }),
    ],
  },
  {
    name: "keepalive: an answer to each request in order; unknown leases get TTL 0",
    steps: [
      call("LeaseGrant", { TTL: 600, ID: 5 }),
      open("k", "LeaseKeepAlive"),
      send("k", { ID: 5 }),
      next("k", { ID: 5, TTL: 600, header: { revision: rev(0) } }),
      send("k", { ID: 404 }),
      send("k", { ID: 5 }),
      next("k", { ID: 404, TTL: 0 }),
      next("k", { ID: 5, TTL: 600 }),
      call("LeaseRevoke", { ID: 5 }),
      send("k", { ID: 5 }),
      next("k", { ID: 5, TTL: 0 }),
      finish("k"),
      ended("k", "ok"),
    ],
  },
  {
    name: "keepalive as a single call",
    steps: [
      call("LeaseGrant", { TTL: 600 }, { ID: keep("lease") }),
      call("LeaseKeepAlive", { ID: kept("lease") }, { messages: [{ ID: kept("lease"), TTL: 600 }] }),
    ],
  },
  {
    name: "expiry: the keys vanish in one revision, with events",
    steps: [
      call("LeaseGrant", { TTL: 1, ID: 5 }, { TTL: 2 }),
      call("Put", { key: "a", lease: 5 }),
      call("Put", { key: "b", lease: 5 }),
      open("w", "Watch"),
      send("w", { create_request: { key: "a", range_end: "c" } }),
      next("w", { created: true }),
      next("w", {
        header: { revision: rev(3) },
        events: [
          { type: "DELETE", kv: { key: "a", mod_revision: rev(3) } },
          { type: "DELETE", kv: { key: "b", mod_revision: rev(3) } },
        ],
      }),
      call("LeaseTimeToLive", { ID: 5 }, { TTL: -1 }),
      call("LeaseLeases", {}, { leases: [] }),
      call("Range", { key: "a", range_end: "c" }, { count: 0, header: { revision: rev(3) } }),
    ],
  },
  {
    name: "an expired id can be granted again",
    steps: [
      call("LeaseGrant", { TTL: 1, ID: 5 }),
      until("LeaseTimeToLive", { ID: 5 }, { TTL: -1 }),
      call("LeaseGrant", { TTL: 60, ID: 5 }, { TTL: 60 }),
    ],
  },
];

export const leaseGroups: readonly CaseGroup[] = [{ name: "lease", cases }];
