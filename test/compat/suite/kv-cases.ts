/** Range, Put and DeleteRange: etcd.md 4.1 to 4.4. */
import { GrpcCode } from "../../../src/store/wire/grpc-code.ts";
import {
  absent,
  type Case,
  type CaseGroup,
  call,
  check,
  keep,
  kept,
  positive,
  refused,
  refusedAs,
  rev,
  type Step,
} from "./case.ts";

const { INVALID_ARGUMENT, OUT_OF_RANGE, NOT_FOUND, UNIMPLEMENTED, RESOURCE_EXHAUSTED } = GrpcCode;
const compacted = refused(OUT_OF_RANGE, "mvcc: required revision has been compacted");
const future = refused(OUT_OF_RANGE, "mvcc: required revision is a future revision");

const put = (key: string, value: string, offset: number): Step =>
  call("Put", { key, value }, { header: { revision: rev(offset) } });
const keys = (...names: string[]): { kvs: unknown[] } => ({ kvs: names.map((key) => ({ key })) });

/** a=3 (+1), b=1 (+2), c=2 (+3, +4), d=2 (+5); c has version 2. */
const four: readonly Step[] = [
  put("a", "3", 1),
  put("b", "1", 2),
  put("c", "9", 3),
  put("c", "2", 4),
  put("d", "2", 5),
];
const all = { key: "a", range_end: "z" };

const revisions: Case[] = [
  {
    name: "a fresh store is at revision 1, its first put at 2 (checklist 1)",
    steps: [
      call("Range", { key: "a" }, { header: { revision: 1 }, kvs: [], count: 0, more: false }),
      call("Put", { key: "a", value: "1" }, { header: { revision: 2 }, prev_kv: absent }),
    ],
  },
  {
    name: "headers: cluster, member and term are always set",
    steps: [
      call(
        "Put",
        { key: "a" },
        { header: { cluster_id: keep("cluster"), member_id: keep("member"), raft_term: positive } },
      ),
      call(
        "Range",
        { key: "a" },
        { header: { cluster_id: kept("cluster"), member_id: kept("member"), raft_term: positive } },
      ),
      call(
        "DeleteRange",
        { key: "a" },
        { header: { cluster_id: kept("cluster"), member_id: kept("member") } },
      ),
      call(
        "Txn",
        {},
        { header: { cluster_id: kept("cluster"), member_id: kept("member"), raft_term: positive } },
      ),
      call("Status", {}, { header: { cluster_id: kept("cluster"), member_id: kept("member") } }),
    ],
  },
  {
    name: "create_revision, mod_revision, version over a key's generations",
    steps: [
      put("a", "1", 1),
      put("a", "2", 2),
      call(
        "Range",
        { key: "a" },
        { kvs: [{ create_revision: rev(1), mod_revision: rev(2), version: 2, value: "2", lease: 0 }] },
      ),
      call("DeleteRange", { key: "a" }, { header: { revision: rev(3) }, deleted: 1 }),
      put("a", "3", 4),
      call(
        "Range",
        { key: "a" },
        { kvs: [{ create_revision: rev(4), mod_revision: rev(4), version: 1, value: "3" }] },
      ),
    ],
  },
  {
    name: "a delete of nothing and a txn of reads keep the revision (checklist 4)",
    steps: [
      put("a", "1", 1),
      call("DeleteRange", { key: "nothing" }, { header: { revision: rev(1) }, deleted: 0, prev_kvs: [] }),
      call(
        "Txn",
        { success: [{ request_range: { key: "a" } }] },
        { header: { revision: rev(1) }, succeeded: true },
      ),
      put("a", "2", 2),
    ],
  },
  {
    name: "any bytes are a key and a value, in unsigned order",
    steps: [
      put("\xff\x00", "\x00\xff", 1),
      put("\x7f", "", 2),
      put("\x00", "zero", 3),
      call("Range", { key: "\x00", range_end: "\x00" }, { ...keys("\x00", "\x7f", "\xff\x00"), count: 3 }),
      call("Range", { key: "\xff\x00" }, { kvs: [{ value: "\x00\xff" }] }),
      call("Range", { key: "\x7f" }, { kvs: [{ value: "" }] }),
    ],
  },
];

const ranges: Case[] = [
  {
    name: "range: an empty key is refused",
    steps: [
      call("Range", { key: "" }, refused(INVALID_ARGUMENT, "key is not provided")),
      call("Range", { key: "", range_end: "z" }, refused(INVALID_ARGUMENT, "key is not provided")),
    ],
  },
  {
    name: "intervals: single, half-open, from a key on, everything, empty, inverted",
    steps: [
      ...four,
      call("Range", { key: "b" }, { ...keys("b"), count: 1 }),
      call("Range", { key: "b", range_end: "d" }, { ...keys("b", "c"), count: 2 }),
      call("Range", { key: "c", range_end: "\x00" }, { ...keys("c", "d"), count: 2 }),
      call("Range", { key: "\x00", range_end: "\x00" }, { ...keys("a", "b", "c", "d"), count: 4 }),
      call("Range", { key: "b", range_end: "b" }, { kvs: [], count: 0 }),
      call("Range", { key: "d", range_end: "a" }, { kvs: [], count: 0 }),
    ],
  },
  {
    name: "history: a revision of the past, and the current one in the header (checklist 3)",
    steps: [
      ...four,
      call(
        "Range",
        { key: "c", revision: rev(3) },
        { header: { revision: rev(5) }, kvs: [{ value: "9", version: 1 }] },
      ),
      call(
        "Range",
        { ...all, revision: rev(2) },
        { header: { revision: rev(5) }, ...keys("a", "b"), count: 2 },
      ),
      call("Range", { key: "a", revision: rev(5) }, keys("a")),
      call("Range", { key: "a", revision: rev(6) }, future),
      call("Range", { key: "a", revision: rev(6), serializable: true }, future),
      call("Range", { key: "a", revision: -1 }, keys("a")),
      call("Range", { key: "a", revision: rev(0) }, { kvs: [], count: 0 }),
    ],
  },
  {
    name: "limit, more and count",
    steps: [
      ...four,
      call("Range", { ...all, limit: 2 }, { ...keys("a", "b"), more: true, count: 4 }),
      call("Range", { ...all, limit: 4 }, { ...keys("a", "b", "c", "d"), more: false, count: 4 }),
      call("Range", { ...all, limit: 5 }, { ...keys("a", "b", "c", "d"), more: false, count: 4 }),
      call(
        "Range",
        { key: "b\x00", range_end: "z", limit: 1, revision: rev(5) },
        { ...keys("c"), more: true, count: 2 },
      ),
      call("Range", { ...all, limit: -1 }, { ...keys("a", "b", "c", "d"), more: false, count: 4 }),
      call("Range", { ...all, limit: 2, revision: rev(3) }, { ...keys("a", "b"), more: true, count: 3 }),
    ],
  },
  {
    name: "keys_only and count_only",
    steps: [
      ...four,
      call(
        "Range",
        { key: "c", keys_only: true },
        { kvs: [{ key: "c", value: "", version: 2, create_revision: rev(3), mod_revision: rev(4) }] },
      ),
      call("Range", { ...all, count_only: true }, { kvs: [], count: 4, more: false }),
      call("Range", { ...all, count_only: true, limit: 1 }, { kvs: [], count: 4 }),
    ],
  },
  {
    name: "sort by every target, both orders; ties keep key order",
    steps: [
      ...four,
      ...(
        [
          ["KEY", ["a", "b", "c", "d"], ["d", "c", "b", "a"]],
          ["VERSION", ["a", "b", "d", "c"], ["c"]],
          ["CREATE", ["a", "b", "c", "d"], ["d", "c", "b", "a"]],
          ["MOD", ["a", "b", "c", "d"], ["d", "c", "b", "a"]],
          ["VALUE", ["b", "c", "d", "a"], ["a"]],
        ] as const
      ).flatMap(([sort_target, ascending, descending]) => [
        call("Range", { ...all, sort_order: "ASCEND", sort_target }, keys(...ascending)),
        call(
          "Range",
          { ...all, sort_order: "DESCEND", sort_target, limit: descending.length },
          keys(...descending),
        ),
      ]),
      call("Range", { ...all, sort_order: "DESCEND", limit: 1 }, { ...keys("d"), more: true, count: 4 }),
      call("Range", { ...all, sort_target: "VALUE" }, keys("b", "c", "d", "a")),
    ],
  },
  {
    name: "a sort outside the enums is refused",
    since: "3.6",
    steps: [
      call("Range", { ...all, sort_order: 7 }, refused(INVALID_ARGUMENT, "invalid sort option")),
      call("Range", { ...all, sort_target: 9 }, refused(INVALID_ARGUMENT, "invalid sort option")),
      call("Range", { key: "", sort_target: 9 }, refused(INVALID_ARGUMENT, "key is not provided")),
    ],
  },
  {
    name: "revision filters are inclusive; count ignores them, more does not",
    steps: [
      ...four,
      call(
        "Range",
        { ...all, min_mod_revision: rev(2), max_mod_revision: rev(4) },
        { ...keys("b", "c"), count: 4, more: false },
      ),
      call("Range", { ...all, min_create_revision: rev(3) }, { ...keys("c", "d"), count: 4 }),
      call("Range", { ...all, max_create_revision: rev(3) }, { ...keys("a", "b", "c"), count: 4 }),
      call(
        "Range",
        { ...all, min_mod_revision: rev(2), limit: 2 },
        { ...keys("b", "c"), count: 4, more: true },
      ),
      call(
        "Range",
        { ...all, min_mod_revision: rev(4), limit: 2 },
        { ...keys("c", "d"), count: 4, more: false },
      ),
    ],
  },
  {
    name: "serializable and linearizable agree on one member",
    steps: [
      ...four,
      call(
        "Range",
        { key: "c", serializable: true },
        { header: { revision: rev(5) }, kvs: [{ value: "2" }] },
      ),
    ],
  },
  {
    name: "RangeStream: the same answer in pieces",
    since: "3.7",
    steps: [
      ...four,
      call("RangeStream", all, {
        messages: check("pieces with a, b, c, d; header and count in the last", (messages: never) => {
          const pieces = (
            messages as Array<{
              range_response: { header?: object; count: number; kvs: Array<{ key: string }> };
            }>
          ).map(({ range_response }) => range_response);
          const read = pieces.flatMap(({ kvs }) => kvs.map(({ key }) => key)).join("");
          return read === "abcd" && pieces.at(-1)!.count === 4 && pieces.at(-1)!.header !== undefined;
        }),
      }),
      call(
        "RangeStream",
        { ...all, count_only: true },
        { messages: [{ range_response: { kvs: [], count: 4 } }] },
      ),
      call("RangeStream", { key: "" }, refused(INVALID_ARGUMENT, "key is not provided")),
      call("RangeStream", { key: "a", revision: rev(99) }, future),
      call(
        "RangeStream",
        { ...all, sort_order: "DESCEND" },
        refusedAs(UNIMPLEMENTED, "RangeStream does not support custom sort orders"),
      ),
      call(
        "RangeStream",
        { ...all, min_mod_revision: 1 },
        refusedAs(UNIMPLEMENTED, "RangeStream does not support revision filters"),
      ),
    ],
  },
];

const writes: Case[] = [
  {
    name: "put: refusals in etcd's order, nothing written",
    steps: [
      call("Put", { key: "", value: "x" }, refused(INVALID_ARGUMENT, "key is not provided")),
      call(
        "Put",
        { key: "a", value: "x", ignore_value: true },
        refused(INVALID_ARGUMENT, "value is provided"),
      ),
      call("Put", { key: "a", lease: 5, ignore_lease: true }, refused(INVALID_ARGUMENT, "lease is provided")),
      call(
        "Put",
        { key: "", value: "x", ignore_value: true },
        refused(INVALID_ARGUMENT, "key is not provided"),
      ),
      call("Put", { key: "a", ignore_value: true }, refused(INVALID_ARGUMENT, "key not found")),
      call("Put", { key: "a", value: "x", ignore_lease: true }, refused(INVALID_ARGUMENT, "key not found")),
      call("Put", { key: "a", value: "x", lease: 12345 }, refused(NOT_FOUND, "requested lease not found")),
      call("Range", { key: "a" }, { header: { revision: rev(0) }, count: 0 }),
    ],
  },
  {
    name: "put: prev_kv",
    steps: [
      call("Put", { key: "a", value: "1", prev_kv: true }, { header: { revision: rev(1) }, prev_kv: absent }),
      call(
        "Put",
        { key: "a", value: "2", prev_kv: true },
        { prev_kv: { key: "a", value: "1", create_revision: rev(1), mod_revision: rev(1), version: 1 } },
      ),
      call("Put", { key: "a", value: "3" }, { prev_kv: absent }),
    ],
  },
  {
    name: "put: a lease replaces the old one, 0 detaches, ignore_lease and ignore_value keep",
    steps: [
      call("LeaseGrant", { TTL: 600, ID: 11 }, { ID: 11 }),
      call("LeaseGrant", { TTL: 600, ID: 12 }, { ID: 12 }),
      call("Put", { key: "a", value: "1", lease: 11 }),
      call("Put", { key: "a", value: "2", ignore_lease: true }),
      call("Range", { key: "a" }, { kvs: [{ value: "2", lease: 11 }] }),
      call("Put", { key: "a", lease: 12, ignore_value: true }),
      call("Range", { key: "a" }, { kvs: [{ value: "2", lease: 12, version: 3 }] }),
      call("LeaseTimeToLive", { ID: 11, keys: true }, { keys: [] }),
      call("LeaseTimeToLive", { ID: 12, keys: true }, { keys: ["a"] }),
      call("Put", { key: "a", value: "3" }),
      call("Range", { key: "a" }, { kvs: [{ lease: 0 }] }),
      call("LeaseTimeToLive", { ID: 12, keys: true }, { keys: [] }),
    ],
  },
  {
    name: "delete: counts, prev_kvs in key order, one revision",
    steps: [
      ...four,
      call("DeleteRange", { key: "" }, refused(INVALID_ARGUMENT, "key is not provided")),
      call(
        "DeleteRange",
        { key: "b", range_end: "d", prev_kv: true },
        {
          header: { revision: rev(6) },
          deleted: 2,
          prev_kvs: [
            { key: "b", value: "1", mod_revision: rev(2) },
            { key: "c", value: "2", mod_revision: rev(4), version: 2 },
          ],
        },
      ),
      call("DeleteRange", { key: "d", range_end: "a" }, { header: { revision: rev(6) }, deleted: 0 }),
      call(
        "DeleteRange",
        { key: "a", range_end: "\x00" },
        { header: { revision: rev(7) }, deleted: 2, prev_kvs: [] },
      ),
      call("Range", { ...all, revision: rev(5) }, { count: 4 }),
    ],
  },
  {
    name: "a request above max-request-bytes, and one above the limit of gRPC",
    steps: [
      call(
        "Put",
        { key: "a", value: "x".repeat(1_572_864) },
        refused(INVALID_ARGUMENT, "request is too large"),
      ),
      call("Put", { key: "a", value: "x".repeat(1_500_000) }),
      call(
        "Put",
        { key: "a", value: "x".repeat(2_097_152) },
        refusedAs(RESOURCE_EXHAUSTED, "grpc: received message larger than max (2097160 vs. 2097152)"),
      ),
    ],
  },
];

const compaction: Case[] = [
  {
    name: "compaction: what stays readable, and the refusals",
    steps: [
      ...four,
      call("DeleteRange", { key: "d" }, { header: { revision: rev(6) } }),
      call("Compact", { revision: rev(7) }, future),
      call("Compact", { revision: rev(4) }, { header: { revision: rev(6) } }),
      call("Compact", { revision: rev(4) }, compacted),
      call("Compact", { revision: rev(3) }, compacted),
      call("Compact", { revision: 0 }, compacted),
      call("Compact", { revision: -5 }, compacted),
      call("Range", { key: "c", revision: rev(3) }, compacted),
      call("Range", { key: "c", revision: rev(3), serializable: true }, compacted),
      call("Range", { ...all, revision: rev(4) }, { ...keys("a", "b", "c"), header: { revision: rev(6) } }),
      call("Range", { ...all, revision: rev(5) }, { ...keys("a", "b", "c", "d") }),
      call("Compact", { revision: rev(6), physical: true }, { header: { revision: rev(6) } }),
      call("Range", { ...all, revision: rev(6) }, keys("a", "b", "c")),
      call("Range", { key: "d" }, { count: 0 }),
      put("d", "new", 7),
      call("Range", { key: "d" }, { kvs: [{ create_revision: rev(7), version: 1 }] }),
    ],
  },
  {
    name: "compaction counts towards reads inside a txn",
    steps: [
      put("a", "1", 1),
      put("a", "2", 2),
      call("Compact", { revision: rev(2) }),
      call(
        "Txn",
        { success: [{ request_put: { key: "b" } }, { request_range: { key: "a", revision: rev(1) } }] },
        compacted,
      ),
      call(
        "Txn",
        { success: [{ request_put: { key: "b" } }, { request_range: { key: "a", revision: rev(4) } }] },
        future,
      ),
      call("Range", { key: "b" }, { count: 0, header: { revision: rev(2) } }),
    ],
  },
];

export const kvGroups: readonly CaseGroup[] = [
  { name: "first revision", cases: revisions.slice(0, 1), fresh: true },
  { name: "kv", cases: [...revisions.slice(1), ...ranges, ...writes] },
  { name: "compaction", cases: compaction },
];
