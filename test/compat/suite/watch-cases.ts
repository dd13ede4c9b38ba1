/** Watch: etcd.md section 5. */
import { GrpcCode } from "../../../src/store/wire/grpc-code.ts";
import {
  absent,
  type Case,
  type CaseGroup,
  call,
  check,
  close,
  ended,
  type Fields,
  finish,
  next,
  open,
  positive,
  refused,
  rev,
  type Step,
  send,
} from "./case.ts";

const { UNAVAILABLE } = GrpcCode;

const create = (name: string, request: Fields): Step => send(name, { create_request: request });
const cancel = (name: string, watch_id: number): Step => send(name, { cancel_request: { watch_id } });
const progress = (name: string): Step => send(name, { progress_request: {} });
/** The answer to a create. */
const created = (name: string, id: number, offset: number): Step =>
  next(name, { watch_id: id, created: true, canceled: false, events: [], header: { revision: rev(offset) } });
const put = (key: string, value: string, offset: number): Step =>
  call("Put", { key, value }, { header: { revision: rev(offset) } });
/** An event as the suite writes it. */
const event = (type: string, key: string, offset: number, more: Fields = {}): Fields => ({
  type,
  kv: { key, mod_revision: rev(offset), ...more },
});
const events = (name: string, id: number, offset: number, ...list: Fields[]): Step =>
  next(name, {
    watch_id: id,
    created: false,
    canceled: false,
    header: { revision: rev(offset) },
    events: list,
  });
/** That nothing else was on its way: a progress answer is the very next message. */
const nothingElse = (name: string, offset: number): readonly Step[] => [
  progress(name),
  next(name, { watch_id: -1, header: { revision: rev(offset) }, events: [] }),
];

/** Pairs of more than two MiB together: +1 to +4. */
const big: readonly Step[] = Array.from({ length: 4 }, (_, i) =>
  call("Put", { key: `f${i}`, value: "x".repeat(700_000) }),
);

const basics: Case[] = [
  {
    name: "created comes first; puts and deletes follow in order, one revision each",
    steps: [
      open("w", "Watch"),
      create("w", { key: "a" }),
      created("w", 0, 0),
      put("a", "1", 1),
      put("b", "not watched", 2),
      put("a", "2", 3),
      call("DeleteRange", { key: "a" }),
      events("w", 0, 1, event("PUT", "a", 1, { value: "1", create_revision: rev(1), version: 1 })),
      events("w", 0, 3, event("PUT", "a", 3, { value: "2", create_revision: rev(1), version: 2 })),
      events("w", 0, 4, {
        type: "DELETE",
        kv: { key: "a", mod_revision: rev(4), value: "", create_revision: 0, version: 0, lease: 0 },
        prev_kv: absent,
      }),
    ],
  },
  {
    name: "one txn is one message; its events ascend by order of execution",
    steps: [
      open("w", "Watch"),
      create("w", { key: "k", range_end: "l" }),
      created("w", 0, 0),
      call("Txn", {
        success: [
          { request_put: { key: "k2" } },
          { request_put: { key: "k1" } },
          { request_delete_range: { key: "k0" } },
          { request_put: { key: "k3" } },
        ],
      }),
      events("w", 0, 1, event("PUT", "k2", 1), event("PUT", "k1", 1), event("PUT", "k3", 1)),
      call("DeleteRange", { key: "k", range_end: "l" }),
      events("w", 0, 2, event("DELETE", "k1", 2), event("DELETE", "k2", 2), event("DELETE", "k3", 2)),
    ],
  },
  {
    name: "intervals: a prefix, from a key on, everything, an empty key",
    steps: [
      open("w", "Watch"),
      create("w", { key: "b", range_end: "c" }),
      created("w", 0, 0),
      create("w", { key: "c", range_end: "\x00" }),
      created("w", 1, 0),
      create("w", { key: "\x00", range_end: "\x00" }),
      created("w", 2, 0),
      create("w", { key: "", range_end: "\x00" }),
      created("w", 3, 0),
      call("Txn", { success: [{ request_put: { key: "a" } }] }),
      next("w", {
        watch_id: check("2 or 3", (id: number) => id === 2 || id === 3),
        events: [event("PUT", "a", 1)],
      }),
      next("w", {
        watch_id: check("2 or 3", (id: number) => id === 2 || id === 3),
        events: [event("PUT", "a", 1)],
      }),
      cancel("w", 2),
      next("w", { watch_id: 2, canceled: true, compact_revision: 0, cancel_reason: "", events: [] }),
      cancel("w", 3),
      next("w", { watch_id: 3, canceled: true }),
      put("bb", "", 2),
      events("w", 0, 2, event("PUT", "bb", 2)),
      put("zz", "", 3),
      events("w", 1, 3, event("PUT", "zz", 3)),
    ],
  },
  {
    name: "prev_kv: the pair before, absent for a creation",
    steps: [
      open("w", "Watch"),
      create("w", { key: "a", prev_kv: true }),
      created("w", 0, 0),
      put("a", "1", 1),
      put("a", "2", 2),
      call("DeleteRange", { key: "a" }),
      events("w", 0, 1, { ...event("PUT", "a", 1), prev_kv: absent }),
      events("w", 0, 2, {
        ...event("PUT", "a", 2),
        prev_kv: { key: "a", value: "1", mod_revision: rev(1), version: 1 },
      }),
      events("w", 0, 3, { ...event("DELETE", "a", 3), prev_kv: { key: "a", value: "2", version: 2 } }),
    ],
  },
  {
    name: "filters drop puts or deletes; a batch that filters to nothing is not sent",
    steps: [
      open("w", "Watch"),
      create("w", { key: "a", filters: ["NOPUT"] }),
      created("w", 0, 0),
      open("v", "Watch"),
      create("v", { key: "a", filters: ["NODELETE"] }),
      created("v", 0, 0),
      open("n", "Watch"),
      create("n", { key: "a", filters: ["NOPUT", "NODELETE"] }),
      created("n", 0, 0),
      put("a", "1", 1),
      call("DeleteRange", { key: "a" }),
      put("a", "2", 3),
      events("w", 0, 2, event("DELETE", "a", 2)),
      events("v", 0, 1, event("PUT", "a", 1)),
      events("v", 0, 3, event("PUT", "a", 3)),
      ...nothingElse("n", 3),
    ],
  },
  {
    name: "ids: chosen by the server, by the client, a duplicate, an empty range, a negative start",
    steps: [
      open("w", "Watch"),
      create("w", { key: "a" }),
      created("w", 0, 0),
      create("w", { key: "a", watch_id: 7 }),
      created("w", 7, 0),
      create("w", { key: "a", watch_id: 7 }),
      next("w", {
        watch_id: -1,
        created: true,
        canceled: true,
        cancel_reason: "mvcc: duplicate watch ID provided on the WatchStream",
      }),
      create("w", { key: "a" }),
      created("w", 1, 0),
      create("w", { key: "b", range_end: "a" }),
      next("w", {
        watch_id: -1,
        created: true,
        canceled: true,
        cancel_reason: "mvcc: watcher range is empty",
      }),
      create("w", { key: "a", range_end: "a" }),
      next("w", { watch_id: -1, created: true, canceled: true }),
      cancel("w", 1),
      next("w", { watch_id: 1, canceled: true }),
      create("w", { key: "a" }),
      created("w", 2, 0),
      cancel("w", 99),
      ...nothingElse("w", 0),
    ],
  },
  {
    name: "a negative start revision is refused with the text of a compacted one",
    since: "3.5",
    steps: [
      open("w", "Watch"),
      create("w", { key: "a", start_revision: -3 }),
      next("w", {
        watch_id: -1,
        created: true,
        canceled: true,
        cancel_reason: "etcdserver: mvcc: required revision has been compacted",
      }),
    ],
  },
];

const history: Case[] = [
  {
    name: "a start in the past: history in order, then live events without gap",
    steps: [
      put("a", "1", 1),
      put("a", "2", 2),
      call("DeleteRange", { key: "a" }),
      put("other", "x", 4),
      put("a", "3", 5),
      open("w", "Watch"),
      create("w", { key: "a", start_revision: rev(2) }),
      next("w", { watch_id: 0, created: true, header: { revision: rev(5) }, events: [] }),
      next("w", {
        watch_id: 0,
        events: [
          event("PUT", "a", 2, { value: "2" }),
          event("DELETE", "a", 3),
          event("PUT", "a", 5, { value: "3", version: 1 }),
        ],
      }),
      put("a", "4", 6),
      events("w", 0, 6, event("PUT", "a", 6)),
    ],
  },
  {
    name: "a start in the future: silence until that revision",
    steps: [
      open("w", "Watch"),
      create("w", { key: "a", start_revision: rev(3) }),
      created("w", 0, 0),
      put("a", "1", 1),
      put("a", "2", 2),
      put("a", "3", 3),
      put("a", "4", 4),
      events("w", 0, 3, event("PUT", "a", 3)),
      events("w", 0, 4, event("PUT", "a", 4)),
    ],
  },
  {
    name: "below the compacted revision: created, then canceled with it (checklist 8)",
    steps: [
      put("a", "1", 1),
      put("a", "2", 2),
      put("a", "3", 3),
      call("Compact", { revision: rev(3) }),
      open("w", "Watch"),
      create("w", { key: "a", start_revision: rev(2) }),
      created("w", 0, 3),
      next("w", {
        watch_id: 0,
        created: false,
        canceled: true,
        compact_revision: rev(3),
        events: [],
        cancel_reason: check("empty, or the text", (text: string) => text === "" || /compacted/.test(text)),
      }),
      create("w", { key: "a", start_revision: rev(3) }),
      created("w", 1, 3),
      next("w", { watch_id: 1, canceled: false, events: [event("PUT", "a", 3)] }),
    ],
  },
  {
    name: "keys of a lease that is revoked are deleted in one message",
    steps: [
      call("LeaseGrant", { TTL: 600, ID: 31 }),
      call("Put", { key: "l/b", lease: 31 }),
      call("Put", { key: "l/a", lease: 31 }),
      open("w", "Watch"),
      create("w", { key: "l/", range_end: "l0", prev_kv: true }),
      created("w", 0, 2),
      call("LeaseRevoke", { ID: 31 }, { header: { revision: rev(3) } }),
      events("w", 0, 3, { ...event("DELETE", "l/a", 3), prev_kv: { lease: 31 } }, event("DELETE", "l/b", 3)),
    ],
  },
];

const streams: Case[] = [
  {
    name: "progress on request: one answer for the stream, id -1 (checklist 9)",
    steps: [
      put("a", "1", 1),
      open("w", "Watch"),
      create("w", { key: "a" }),
      created("w", 0, 1),
      create("w", { key: "b", start_revision: rev(1) }),
      created("w", 1, 1),
      ...nothingElse("w", 1),
      put("a", "2", 2),
      events("w", 0, 2, event("PUT", "a", 2)),
      put("elsewhere", "", 3),
      ...nothingElse("w", 3),
    ],
  },
  {
    name: "no progress while a watcher waits for the future",
    oracleSkips: "etcd 3.4.23 answers (progress that overtakes watchers was mended in 3.4.31)",
    steps: [
      open("w", "Watch"),
      create("w", { key: "a", start_revision: rev(2) }),
      created("w", 0, 0),
      progress("w"),
      put("a", "1", 1),
      put("a", "2", 2),
      events("w", 0, 2, event("PUT", "a", 2)),
    ],
  },
  {
    name: "progress_notify on a synced watcher with nothing to say",
    steps: [
      put("a", "1", 1),
      open("w", "Watch"),
      create("w", { key: "a", progress_notify: true }),
      created("w", 0, 1),
      next("w", { watch_id: 0, created: false, canceled: false, events: [], header: { revision: rev(1) } }),
      put("elsewhere", "", 2),
      next("w", {
        watch_id: 0,
        events: [],
        header: { revision: check("the current revision or the one before", (value: number) => value > 0) },
      }),
    ],
  },
  {
    name: "fragment: a message over the limit is cut between events",
    steps: [
      ...big,
      open("w", "Watch"),
      create("w", { key: "f", range_end: "g", prev_kv: true, fragment: true }),
      created("w", 0, 4),
      call("DeleteRange", { key: "f", range_end: "g" }),
      next("w", {
        watch_id: 0,
        header: { revision: rev(5) },
        fragment: true,
        events: check("some, not all", (list: unknown[]) => list.length > 0 && list.length < 4),
      }),
      next("w", {
        watch_id: 0,
        header: { revision: rev(5) },
        events: check("the next", (list: unknown[]) => list.length > 0),
      }),
    ],
  },
  {
    name: "without fragment a message of any size comes whole",
    steps: [
      ...big,
      open("w", "Watch"),
      create("w", { key: "f", range_end: "g", prev_kv: true }),
      created("w", 0, 4),
      call("DeleteRange", { key: "f", range_end: "g" }),
      next("w", {
        watch_id: 0,
        fragment: false,
        events: [
          event("DELETE", "f0", 5),
          event("DELETE", "f1", 5),
          event("DELETE", "f2", 5),
          event("DELETE", "f3", 5),
        ],
      }),
    ],
  },
  {
    name: "many watchers on one stream each get their own",
    steps: [
      open("w", "Watch"),
      ...Array.from({ length: 50 }, (_, i) => [create("w", { key: `k${i}` }), created("w", i, 0)]).flat(),
      put("k17", "x", 1),
      events("w", 17, 1, event("PUT", "k17", 1)),
      cancel("w", 17),
      next("w", { watch_id: 17, canceled: true }),
      put("k17", "y", 2),
      put("k18", "y", 3),
      events("w", 18, 3, event("PUT", "k18", 3)),
    ],
  },
  {
    name: "half-closing the stream ends no watcher",
    steps: [
      open("w", "Watch"),
      create("w", { key: "a" }),
      created("w", 0, 0),
      finish("w"),
      put("a", "1", 1),
      events("w", 0, 1, event("PUT", "a", 1)),
    ],
  },
  {
    name: "a canceled stream leaves the others alone",
    steps: [
      open("w", "Watch"),
      create("w", { key: "a" }),
      created("w", 0, 0),
      open("v", "Watch"),
      create("v", { key: "a" }),
      created("v", 0, 0),
      close("w"),
      put("a", "1", 1),
      events("v", 0, 1, event("PUT", "a", 1)),
    ],
  },
  {
    name: "hasleader is content while there is a leader",
    steps: [
      open("w", "Watch", { metadata: { hasleader: "true" } }),
      create("w", { key: "a" }),
      created("w", 0, 0),
      call("Range", { key: "a" }, { header: { raft_term: positive } }, { metadata: { hasleader: "true" } }),
    ],
  },
];

const leaderless: Case[] = [
  {
    name: "without a leader: hasleader is refused at once, an open stream is ended",
    steps: [
      open("w", "Watch", { at: 0, metadata: { hasleader: "true" } }),
      create("w", { key: "a" }),
      next("w", { created: true }),
      open("calm", "Watch", { at: 0 }),
      create("calm", { key: "a" }),
      next("calm", { created: true }),
      { do: "member", act: "stop", index: 1 },
      ended("w", refused(UNAVAILABLE, "no leader")),
      call("Range", { key: "a" }, refused(UNAVAILABLE, "no leader"), {
        at: 0,
        metadata: { hasleader: "true" },
      }),
      call("Put", { key: "a" }, refused(UNAVAILABLE, "no leader"), {
        at: 0,
        metadata: { hasleader: "true" },
      }),
      open("late", "Watch", { at: 0, metadata: { hasleader: "true" } }),
      ended("late", refused(UNAVAILABLE, "no leader")),
      call("Range", { key: "a", serializable: true }, { count: 0 }, { at: 0 }),
      call("Status", {}, { leader: 0, errors: ["etcdserver: no leader"] }, { at: 0 }),
      send("calm", { cancel_request: { watch_id: 0 } }),
      next("calm", { canceled: true }),
    ],
  },
];

export const watchGroups: readonly CaseGroup[] = [
  {
    name: "watch",
    cases: [...basics, ...history, ...streams.filter(({ name }) => !name.startsWith("progress_notify"))],
  },
  {
    name: "watch progress",
    cases: streams.filter(({ name }) => name.startsWith("progress_notify")),
    flags: { "experimental-watch-progress-notify-interval": "200ms" },
  },
  {
    name: "no leader",
    cases: leaderless,
    members: 2,
    fresh: true,
    flags: { "heartbeat-interval": "50", "election-timeout": "300" },
  },
];
