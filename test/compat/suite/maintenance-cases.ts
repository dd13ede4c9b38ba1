/** Maintenance, Cluster and health: etcd.md sections 1, 7, 8, 11. */
import { createHash } from "node:crypto";
import { GrpcCode } from "../../../src/store/wire/grpc-code.ts";
import {
  type Case,
  type CaseGroup,
  call,
  check,
  join,
  keep,
  kept,
  next,
  open,
  positive,
  refused,
  refusedAs,
  refusedLike,
  rev,
  type Step,
  send,
  start,
  until,
} from "./case.ts";

const {
  INVALID_ARGUMENT,
  FAILED_PRECONDITION,
  NOT_FOUND,
  OUT_OF_RANGE,
  RESOURCE_EXHAUSTED,
  DATA_LOSS,
  UNAVAILABLE,
  UNIMPLEMENTED,
  UNKNOWN,
} = GrpcCode;
const memberMissing = refused(NOT_FOUND, "member not found");
const badTarget = refused(FAILED_PRECONDITION, "bad leader transferee");
const noSpace = refused(RESOURCE_EXHAUSTED, "mvcc: database space exceeded");
const corrupt = refused(DATA_LOSS, "corrupt cluster");
const deadline = {
  reason: "3.4 says `context deadline exceeded` for a proposal that waits for a leader in vain",
  expected: refusedAs(UNKNOWN, "context deadline exceeded"),
};
/** Which text depends on how soon a new leader is elected. */
const timedOut = refusedLike(
  UNAVAILABLE,
  check("a timeout", (text: string) =>
    /^etcdserver: request timed out(, possibly due to previous leader failure)?$/.test(text),
  ),
);
/**
 * Between two changes of the members: etcd's raft turns one that comes before the last is applied into nothing, and its caller
 * waits in vain (etcd.md 7). A refused one counts, too.
 */
const settled = call("Put", { key: "settled" });
const version = check("x.y.z", (text: string) => /^\d+\.\d+\.\d+$/.test(text));

const single: Case[] = [
  {
    name: "status of the only member",
    steps: [
      call("Put", { key: "a" }),
      call(
        "Status",
        {},
        {
          header: {
            cluster_id: keep("cluster"),
            member_id: keep("member"),
            revision: rev(1),
            raft_term: positive,
          },
          version,
          dbSize: positive,
          dbSizeInUse: positive,
          leader: kept("member"),
          raftIndex: positive,
          raftAppliedIndex: positive,
          raftTerm: positive,
          errors: [],
          isLearner: false,
        },
      ),
    ],
  },
  {
    name: "status: what 3.6 added",
    since: "3.6",
    steps: [
      call(
        "Status",
        {},
        {
          storageVersion: check("a version", (text: string) => /^\d+\.\d+/.test(text)),
          dbSizeQuota: positive,
        },
      ),
    ],
  },
  {
    name: "hashes: equal for equal states, refusals for what cannot be read",
    steps: [
      call("Put", { key: "a", value: "1" }),
      call("Put", { key: "b", value: "2" }),
      call(
        "HashKV",
        {},
        { hash: keep("hash"), compact_revision: keep("compacted"), header: { revision: rev(2) } },
      ),
      call("HashKV", { revision: rev(2) }, { hash: kept("hash") }),
      call("HashKV", { revision: rev(1) }, { hash: check("another hash", (hash: number) => hash > 0) }),
      call("Hash", {}, { hash: positive }),
      call(
        "HashKV",
        { revision: rev(3) },
        refused(OUT_OF_RANGE, "mvcc: required revision is a future revision"),
      ),
      call("Compact", { revision: rev(2), physical: true }),
      call(
        "HashKV",
        { revision: rev(1) },
        refused(OUT_OF_RANGE, "mvcc: required revision has been compacted"),
      ),
      call(
        "HashKV",
        { revision: rev(2) },
        { compact_revision: rev(2) },
        {
          etcd34: {
            reason: "3.4 gives no hash at the compacted revision itself (3.5.5 does)",
            expected: refused(OUT_OF_RANGE, "mvcc: required revision has been compacted"),
          },
        },
      ),
      call("HashKV", {}, { compact_revision: rev(2) }),
    ],
  },
  {
    name: "defragment answers",
    steps: [call("Defragment", {}), call("Range", { key: "a" })],
  },
  {
    name: "snapshot: blobs that count down, a sum at the end, a length that etcdctl accepts",
    steps: [
      call("Put", { key: "a", value: "x".repeat(100_000) }),
      call("Snapshot", {}, { messages: check("blobs and their SHA-256", isSnapshot) }),
    ],
  },
  {
    name: "alarms: get, activate, deactivate",
    steps: [
      call("Alarm", { action: "GET" }, { alarms: [] }),
      call(
        "Alarm",
        { action: "ACTIVATE", memberID: 5, alarm: "NOSPACE" },
        { alarms: [{ memberID: 5, alarm: "NOSPACE" }] },
      ),
      call(
        "Alarm",
        { action: "ACTIVATE", memberID: 5, alarm: "NOSPACE" },
        { alarms: [{ memberID: 5, alarm: "NOSPACE" }] },
      ),
      call("Alarm", { action: "GET" }, { alarms: [{ memberID: 5, alarm: "NOSPACE" }] }),
      call("Alarm", { action: "GET", alarm: "CORRUPT" }, { alarms: [] }),
      call("Alarm", { action: "GET", alarm: "NOSPACE" }, { alarms: [{ memberID: 5 }] }),
      call(
        "Status",
        {},
        { errors: [check("the alarm as text", (text: string) => /^memberID:5 alarm:NOSPACE ?$/.test(text))] },
      ),
      call("Alarm", { action: "DEACTIVATE", memberID: 6, alarm: "NOSPACE" }, { alarms: [] }),
      call(
        "Alarm",
        { action: "DEACTIVATE", memberID: 5, alarm: "NOSPACE" },
        { alarms: [{ memberID: 5, alarm: "NOSPACE" }] },
      ),
      call("Alarm", { action: "GET" }, { alarms: [] }),
      call("Status", {}, { errors: [] }),
    ],
  },
  {
    name: "what NOSPACE forbids, and what goes on",
    steps: [
      call("LeaseGrant", { TTL: 600, ID: 5 }),
      call("Put", { key: "a", lease: 5 }),
      call("Alarm", { action: "ACTIVATE", memberID: 5, alarm: "NOSPACE" }),
      call("Put", { key: "a" }, noSpace),
      call("Txn", { success: [{ request_put: { key: "a" } }] }, noSpace),
      call("LeaseGrant", { TTL: 600 }, noSpace),
      call("Txn", { success: [{ request_delete_range: { key: "b" } }] }),
      call("Range", { key: "a" }, { count: 1 }),
      call("DeleteRange", { key: "a" }, { deleted: 1 }),
      call("Compact", { revision: rev(2) }),
      call("LeaseRevoke", { ID: 5 }),
      call("Defragment", {}),
      call("Alarm", { action: "DEACTIVATE", memberID: 5, alarm: "NOSPACE" }, { alarms: [{}] }),
      call("Put", { key: "a" }, { header: { revision: rev(3) } }),
    ],
  },
  {
    name: "move leader: to nobody that can lead",
    steps: [
      call("Status", {}, { leader: keep("leader") }),
      call("MoveLeader", { targetID: 12345 }, badTarget),
      call("MoveLeader", { targetID: 0 }, badTarget),
      call("MoveLeader", { targetID: kept("leader") }),
    ],
  },
  {
    name: "downgrade: what can be said against it",
    since: "3.5",
    steps: [
      call(
        "Downgrade",
        { action: "VALIDATE", version: "bad" },
        refused(INVALID_ARGUMENT, "wrong downgrade target version format"),
      ),
      call(
        "Downgrade",
        { action: "VALIDATE", version: "1.0.0" },
        refused(INVALID_ARGUMENT, "invalid downgrade target version"),
      ),
      call(
        "Downgrade",
        { action: "VALIDATE", version: "3.5.0" },
        refused(INVALID_ARGUMENT, "invalid downgrade target version"),
      ),
      call(
        "Downgrade",
        { action: "VALIDATE", version: "3.4.0" },
        { version: check("the cluster's", (text: string) => text.startsWith("3.5")) },
      ),
      call("Downgrade", { action: "CANCEL" }, refused(FAILED_PRECONDITION, "no inflight downgrade job")),
    ],
  },
  {
    name: "members: a list of one; what cannot be changed",
    steps: [
      call(
        "MemberList",
        {},
        {
          members: [
            {
              ID: keep("member"),
              name: "m1",
              peerURLs: [keep("peer")],
              clientURLs: [keep("client")],
              isLearner: false,
            },
          ],
        },
      ),
      call(
        "MemberAdd",
        { peerURLs: ["localhost"] },
        refused(INVALID_ARGUMENT, "given member URLs are invalid"),
      ),
      settled,
      call(
        "MemberAdd",
        { peerURLs: ["http://localhost:1/path"] },
        refused(INVALID_ARGUMENT, "given member URLs are invalid"),
      ),
      settled,
      call("MemberAdd", { peerURLs: [] }, refused(INVALID_ARGUMENT, "given member URLs are invalid")),
      settled,
      call(
        "MemberAdd",
        { peerURLs: [kept("peer")] },
        refused(FAILED_PRECONDITION, "Peer URLs already exists"),
      ),
      settled,
      call("MemberRemove", { ID: 12345 }, memberMissing),
      settled,
      call("MemberUpdate", { ID: 12345, peerURLs: ["http://127.0.0.1:1"] }, memberMissing),
      settled,
      call("MemberPromote", { ID: 12345 }, memberMissing),
      settled,
      call(
        "MemberPromote",
        { ID: kept("member") },
        refused(FAILED_PRECONDITION, "can only promote a learner member"),
      ),
      settled,
      call(
        "MemberUpdate",
        { ID: kept("member"), peerURLs: [kept("peer")] },
        { members: [{ ID: kept("member") }] },
      ),
      settled,
    ],
  },
  {
    name: "members: a new URL that is none",
    oracleSkips: "3.4 takes any text, and is not well afterwards",
    steps: [
      call("MemberList", {}, { members: [{ ID: keep("member") }] }),
      call(
        "MemberUpdate",
        { ID: kept("member"), peerURLs: ["nonsense"] },
        refused(INVALID_ARGUMENT, "given member URLs are invalid"),
      ),
      settled,
    ],
  },
  {
    name: "members: linearizable",
    since: "3.5",
    steps: [call("MemberList", { linearizable: true }, { members: [{ name: "m1" }] })],
  },
  {
    name: "health",
    steps: [
      call("Check", {}, { status: "SERVING" }),
      call("Check", { service: "nothing" }, refusedAs(NOT_FOUND, "unknown service")),
      open("h", "HealthWatch"),
      send("h", {}),
      next("h", { status: "SERVING" }),
    ],
  },
  {
    name: "health of an unknown service, watched",
    steps: [
      open("h", "HealthWatch"),
      send("h", { service: "nothing" }),
      next("h", { status: "SERVICE_UNKNOWN" }),
    ],
  },
  {
    name: "rpcs that nobody knows",
    steps: [
      call(
        "UnknownMethod",
        {},
        refusedAs(UNIMPLEMENTED, "unknown method Frobnicate for service etcdserverpb.KV"),
      ),
      call("UnknownService", {}, refusedAs(UNIMPLEMENTED, "unknown service etcdserverpb.Nothing")),
    ],
  },
  {
    name: "the client's version must be text",
    since: "3.5",
    steps: [
      call("Range", { key: "a" }, {}, { metadata: { "client-api-version": "3.5.21" } }),
      call("Range", { key: "a" }, refused(INVALID_ARGUMENT, "invalid client api version"), {
        metadata: { "client-api-version": "\xff" },
      }),
    ],
  },
];

const membership: Case[] = [
  {
    name: "a learner that never starts: one at a time, not in sync, removed for good",
    steps: [
      call(
        "MemberAdd",
        { peerURLs: ["http://127.0.0.1:1"], isLearner: true },
        {
          member: {
            ID: keep("learner"),
            name: "",
            clientURLs: [],
            peerURLs: ["http://127.0.0.1:1"],
            isLearner: true,
          },
          members: check("two", (members: unknown[]) => members.length === 2),
        },
      ),
      settled,
      call(
        "MemberAdd",
        { peerURLs: ["http://127.0.0.1:2"], isLearner: true },
        refused(FAILED_PRECONDITION, "too many learner members in cluster"),
      ),
      settled,
      call(
        "MemberPromote",
        { ID: kept("learner") },
        refused(FAILED_PRECONDITION, "can only promote a learner member which is in sync with leader"),
      ),
      settled,
      call("MoveLeader", { targetID: kept("learner") }, badTarget),
      call(
        "MemberUpdate",
        { ID: kept("learner"), peerURLs: ["http://127.0.0.1:3"] },
        { members: check("two", (members: unknown[]) => members.length === 2) },
      ),
      settled,
      call("Put", { key: "a" }),
      call("MemberRemove", { ID: kept("learner") }, { members: [{ name: "m1" }] }),
      settled,
      call("MemberRemove", { ID: kept("learner") }, memberMissing),
      settled,
      call("MemberPromote", { ID: kept("learner") }, memberMissing),
      settled,
      call("MemberList", {}, { members: [{ name: "m1" }] }),
    ],
  },
  {
    name: "a voter that never starts: no second one",
    steps: [
      call(
        "MemberAdd",
        { peerURLs: ["http://127.0.0.1:1"] },
        { member: { ID: keep("voter"), isLearner: false } },
      ),
      call(
        "MemberAdd",
        { peerURLs: ["http://127.0.0.1:2"] },
        refusedAs(UNKNOWN, "etcdserver: re-configuration failed due to not enough started members"),
      ),
    ],
  },
];

const quota: Case[] = [
  {
    name: "the quota drill: full, compacted, defragmented, disarmed (checklist 13)",
    steps: [
      ...Array.from({ length: 30 }, (_, i) =>
        start(`p${i}`, "Put", { key: "big", value: `${i}`.repeat(1).padEnd(400_000, "x") }),
      ),
      until("Put", { key: "big", value: "y".repeat(400_000) }, noSpace),
      call("Alarm", { action: "GET" }, { alarms: [{ memberID: keep("member"), alarm: "NOSPACE" }] }),
      call("Status", {}, { dbSize: keep("size"), header: { revision: keep("revision") } }),
      call("DeleteRange", { key: "big" }),
      call("Compact", { revision: kept("revision"), physical: true }),
      call("Put", { key: "a" }, noSpace),
      call("Defragment", {}),
      call("Status", {}, { dbSize: check("smaller", (size: number) => size < 5_000_000) }),
      call("Alarm", { action: "DEACTIVATE", memberID: kept("member"), alarm: "NOSPACE" }, { alarms: [{}] }),
      call("Put", { key: "a" }),
    ],
  },
];

const corruption: Case[] = [
  {
    name: "what CORRUPT forbids",
    steps: [
      call("LeaseGrant", { TTL: 600, ID: 5 }),
      call(
        "Alarm",
        { action: "ACTIVATE", memberID: 5, alarm: "CORRUPT" },
        { alarms: [{ memberID: 5, alarm: "CORRUPT" }] },
      ),
      call("Put", { key: "a" }, corrupt),
      call("Range", { key: "a" }, corrupt, {
        etcd34: { reason: "etcd reads past the CORRUPT alarm (etcd.md 8.4 refuses)", expected: {} },
      }),
      call("DeleteRange", { key: "a" }, corrupt),
      call("Txn", { success: [{ request_put: { key: "a" } }] }, corrupt),
      call("Compact", { revision: rev(0) }, corrupt),
      call("LeaseGrant", { TTL: 600 }, corrupt),
      call("LeaseRevoke", { ID: 5 }, corrupt),
      call(
        "Status",
        {},
        { errors: [check("the alarm as text", (text: string) => /^memberID:5 alarm:CORRUPT ?$/.test(text))] },
      ),
      call("Alarm", { action: "DEACTIVATE", memberID: 5, alarm: "CORRUPT" }),
      call("Put", { key: "a" }),
    ],
  },
];

const three: Case[] = [
  {
    name: "followers serve as the leader does; move leader only at the leader",
    steps: [
      call("Put", { key: "a", value: "1" }, {}, { at: "follower" }),
      call("Range", { key: "a" }, { kvs: [{ value: "1" }], header: { revision: rev(1) } }, { at: "leader" }),
      call("Range", { key: "a" }, { kvs: [{ value: "1" }] }, { at: "follower" }),
      call("LeaseGrant", { TTL: 600, ID: 5 }, {}, { at: "follower" }),
      call("LeaseTimeToLive", { ID: 5 }, { grantedTTL: 600 }, { at: "follower" }),
      call("LeaseKeepAlive", { ID: 5 }, { messages: [{ TTL: 600 }] }, { at: "follower" }),
      call("LeaseRevoke", { ID: 5 }, {}, { at: "follower" }),
      call("Compact", { revision: rev(1) }, {}, { at: "follower" }),
      call("MemberList", {}, { members: [{}, {}, {}] }),
      call("Status", {}, { header: { member_id: keep("follower") } }, { at: "follower" }),
      call("MoveLeader", { targetID: kept("follower") }, refused(FAILED_PRECONDITION, "not leader"), {
        at: "follower",
      }),
      call("MoveLeader", { targetID: kept("follower") }, {}, { at: "leader" }),
      until("Status", {}, { leader: kept("follower") }),
      call("Put", { key: "a", value: "2" }, { header: { revision: rev(2) } }),
    ],
  },
  {
    name: "hashes are equal on all members (checklist 21)",
    steps: [
      call("Put", { key: "h1", value: "1" }),
      call("Put", { key: "h2", value: "2" }),
      call("DeleteRange", { key: "h1" }),
      call("Compact", { revision: rev(1), physical: true }),
      call("Range", { key: "x" }, {}, { at: 0 }),
      call("Range", { key: "x" }, {}, { at: 1 }),
      call("Range", { key: "x" }, {}, { at: 2 }),
      ...[2, 3].flatMap((offset) => [
        until(
          "HashKV",
          { revision: rev(offset) },
          { hash: keep(`hash ${offset}`), compact_revision: rev(1) },
          { at: 0 },
        ),
        until(
          "HashKV",
          { revision: rev(offset) },
          { hash: kept(`hash ${offset}`), compact_revision: rev(1) },
          { at: 1 },
        ),
        until(
          "HashKV",
          { revision: rev(offset) },
          { hash: kept(`hash ${offset}`), compact_revision: rev(1) },
          { at: 2 },
        ),
      ]),
    ],
  },
  {
    name: "a member down: no member is added",
    steps: [
      { do: "member", act: "kill-follower" } as Step,
      until("MemberAdd", { peerURLs: ["http://127.0.0.1:1"] }, refused(UNAVAILABLE, "unhealthy cluster"), {
        at: "leader",
      }),
    ],
  },
];

const lost: Case[] = [
  {
    name: "the leader dies with a proposal on its way",
    steps: [
      call("Status", {}, {}, { at: "follower" }),
      { do: "member", act: "kill-leader" } as Step,
      call("Put", { key: "a" }, timedOut),
      until("Put", { key: "a" }, {}),
    ],
  },
  {
    name: "no quorum: nothing is written, nothing linearizable is read",
    steps: [
      { do: "member", act: "kill-leader" } as Step,
      call("Status", {}, {}, { at: "leader" }),
      { do: "member", act: "kill-leader" } as Step,
      until("Status", {}, { leader: 0 }),
      start("put", "Put", { key: "a" }),
      start("range", "Range", { key: "a" }),
      join("put", timedOut, deadline),
      join("range", timedOut),
      call("Range", { key: "a", serializable: true }, { count: 0 }),
    ],
  },
  {
    name: "leader transfer to a member that is gone takes too long",
    oracleSkips: "etcd waits for as long as the client does",
    steps: [
      call("Status", {}, { header: { member_id: keep("target") } }, { at: "follower" }),
      { do: "member", act: "kill-follower" } as Step,
      call(
        "MoveLeader",
        { targetID: kept("target") },
        refusedAs(UNKNOWN, "etcdserver: request timed out, leader transfer took too long"),
        { at: "leader" },
      ),
    ],
  },
];

function isSnapshot(messages: never): boolean {
  const list = messages as Array<{ remaining_bytes: number; blob: string }>;
  const blobs = list.map(({ blob }) => Buffer.from(blob, "latin1"));
  const all = Buffer.concat(blobs);
  const payload = all.subarray(0, -32);
  const counted = list.every(
    ({ remaining_bytes }, i) => i === 0 || remaining_bytes <= list[i - 1]!.remaining_bytes,
  );
  const sum = createHash("sha256").update(payload).digest();
  return (
    counted &&
    list.at(-1)!.remaining_bytes === 0 &&
    payload.length % 512 === 0 &&
    sum.equals(all.subarray(-32))
  );
}

const quick = { "heartbeat-interval": "50", "election-timeout": "300" };
export const maintenanceGroups: readonly CaseGroup[] = [
  { name: "maintenance", cases: single },
  { name: "membership", cases: membership, fresh: true },
  { name: "quota", cases: quota, fresh: true, flags: { "quota-backend-bytes": "8000000" } },
  { name: "corruption", cases: corruption, fresh: true },
  { name: "three members", cases: three, members: 3, flags: quick },
  { name: "members lost", cases: lost, members: 3, fresh: true, separate: true, flags: quick },
];
