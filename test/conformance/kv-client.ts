/**
 * What KvClient means, as behaviour. Run against the fake, the member, the remote client to our own server and the remote
 * client to Debian's etcd, so nothing here may assume an empty store, an absolute revision or the only client: every test
 * works below a prefix of its own.
 */
import { type Test, test } from "tap";
import { prefixEnd, utf8 } from "../../src/base/bytes.ts";
import { type KvClient, KvError, type KvErrorCode } from "../../src/store/kv.ts";
import type { KeyValue, TxnRequest } from "../../src/store/wire/messages.ts";
import { CompareTarget, RangeResponse, SortOrder, SortTarget } from "../../src/store/wire/messages.ts";
import type { Init } from "../../src/store/wire/protobuf.ts";
import { kvWatchSuite } from "./kv-watch.ts";

export interface OpenKv {
  readonly kv: KvClient;
  close(): Promise<void>;
}

/** Opens a client; several tests may share one server. */
export type Open = (t: Test) => Promise<OpenKv>;

export interface Bench {
  readonly kv: KvClient;
  /** The bytes of a key below this test's prefix. */
  key(name: string): Buffer;
  /** Name of a key, without the prefix. */
  nameOf(key: Uint8Array): string;
  /** Key and range_end of everything below the prefix. */
  readonly all: { key: Buffer; range_end: Uint8Array };
  put(name: string, value: string): Promise<number>;
}

/** Runs `body` with a client and a fresh prefix. */
export function bench(open: Open, body: (bench: Bench, t: Test) => Promise<void>) {
  return async (t: Test): Promise<void> => {
    const { kv, close } = await open(t);
    t.teardown(close);
    const prefix = `conformance/${process.pid}/${Date.now()}/${++made}/`;
    const key = (name: string): Buffer => utf8.encode(prefix + name);
    const nameOf = (bytes: Uint8Array): string => utf8.decode(bytes).slice(prefix.length);
    const put = async (name: string, value: string): Promise<number> =>
      (await kv.put({ key: key(name), value: utf8.encode(value) })).header!.revision;
    await body({ kv, key, nameOf, put, all: { key: key(""), range_end: prefixEnd(key("")) } }, t);
  };
}
let made = 0;

/** The call must fail with exactly this code. */
export async function refused(t: Test, call: Promise<unknown>, code: KvErrorCode): Promise<void> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  t.ok(error instanceof KvError, `is refused with a KvError (${code})`);
  t.equal((error as KvError | null)?.code, code);
}

export function kvClientSuite(name: string, open: Open): void {
  test(`${name}: put and range`, bench(open, putAndRange));
  test(`${name}: prefix, limit, count, sort`, bench(open, ranges));
  test(`${name}: a range as a stream, and encoded`, bench(open, streams));
  test(`${name}: history`, bench(open, history));
  test(`${name}: delete`, bench(open, deletes));
  test(`${name}: put options`, bench(open, putOptions));
  test(`${name}: txn compares and branches`, bench(open, txnBranches));
  test(`${name}: txn sees its own writes, compares do not`, bench(open, txnOrder));
  test(`${name}: txn refusals leave no trace`, bench(open, txnRefusals));
  test(`${name}: compaction`, bench(open, compaction));
  test(`${name}: leases`, bench(open, leases));
  test(`${name}: revoke deletes attached keys in one revision`, bench(open, revoke));
  test(`${name}: members and status`, bench(open, membersAndStatus));
  test(`${name}: a canceled call`, bench(open, canceled));
  kvWatchSuite(name, open);
}

async function putAndRange({ kv, key, put }: Bench, t: Test): Promise<void> {
  const first = await put("a", "1");
  const second = await put("a", "2");
  t.ok(second > first, "every put has a later revision");
  const { header, kvs, count, more } = await kv.range({ key: key("a") });
  t.ok(header!.revision >= second);
  t.same([count, more, kvs.length], [1, false, 1]);
  const [pair] = kvs;
  t.same([utf8.decode(pair!.key), utf8.decode(pair!.value)], [utf8.decode(key("a")), "2"]);
  t.same([pair!.create_revision, pair!.mod_revision, pair!.version], [first, second, 2]);
  const missing = await kv.range({ key: key("b") });
  t.same([missing.count, missing.kvs], [0, []]);
  await refused(t, kv.range({}), "kv.empty-key");
  await refused(t, kv.put({}), "kv.empty-key");
}

async function ranges({ kv, key, nameOf, put, all }: Bench, t: Test): Promise<void> {
  for (const name of ["c", "a", "d", "b"]) await put(name, name === "a" ? "z" : "y");
  const names = async (request: object): Promise<string> =>
    (await kv.range({ ...all, ...request })).kvs.map((pair) => nameOf(pair.key)).join("");
  t.equal(await names({}), "abcd", "natural order is by key");
  t.equal(await names({ range_end: key("c") }), "ab", "the end is not in it");
  t.equal(await names({ key: key("c"), range_end: key("a") }), "", "an inverted interval is empty");
  t.equal(await names({ sort_order: SortOrder.DESCEND }), "dcba");
  t.equal(await names({ sort_order: SortOrder.ASCEND, sort_target: SortTarget.CREATE }), "cadb");
  t.equal(await names({ sort_order: SortOrder.DESCEND, sort_target: SortTarget.MOD }), "bdac");
  t.equal(await names({ sort_order: SortOrder.DESCEND, sort_target: SortTarget.VALUE, limit: 1 }), "a");
  const page = await kv.range({ ...all, limit: 3 });
  t.same([page.kvs.length, page.more, page.count], [3, true, 4], "count ignores the limit");
  const whole = await kv.range({ ...all, limit: 4 });
  t.same([whole.kvs.length, whole.more], [4, false]);
  const counted = await kv.range({ ...all, count_only: true });
  t.same([counted.kvs.length, counted.count, counted.more], [0, 4, false]);
  const [keyOnly] = (await kv.range({ ...all, limit: 1, keys_only: true })).kvs;
  t.equal(keyOnly!.value.length, 0);
  t.ok(keyOnly!.mod_revision > 0, "keys_only keeps everything else");
  const third = (await kv.range({ key: key("d") })).kvs[0]!.mod_revision;
  t.equal(await names({ min_mod_revision: third }), "bd");
  t.equal(await names({ max_create_revision: third, limit: 2 }), "ac", "filter, then cut");
}

/** Where the server has RangeStream at all: etcd has it since 3.7. */
async function streams({ kv, key, put, all }: Bench, t: Test): Promise<void> {
  for (let i = 0; i < 40; i++) await put(`k${i}`, `value ${i}`);
  await kv.deleteRange({ key: key("k7") });
  const whole = await kv.range(all);
  const same = (kvs: readonly KeyValue[], what: string): void => {
    t.same(
      kvs.map((pair) => `${utf8.decode(pair.key)} ${utf8.decode(pair.value)} ${pair.mod_revision}`),
      whole.kvs.map((pair) => `${utf8.decode(pair.key)} ${utf8.decode(pair.value)} ${pair.mod_revision}`),
      what,
    );
  };
  if (kv.rangeEncoded !== undefined) {
    const encoded = RangeResponse.decode(Buffer.concat(await kv.rangeEncoded(all)));
    same(encoded.kvs, "encoded, it is the same answer");
    t.same([encoded.count, encoded.more], [39, false]);
    t.ok(encoded.header!.revision >= whole.header!.revision && encoded.header!.cluster_id !== 0n);
  }
  const pieces: RangeResponse[] = [];
  try {
    for await (const piece of kv.rangeStream({ ...all, limit: 30 })) pieces.push(piece);
  } catch (error) {
    if (!(error instanceof KvError) || error.code !== "kv.unimplemented") throw error;
    t.comment("this server has no RangeStream");
    return;
  }
  same([...pieces.flatMap(({ kvs }) => kvs), ...whole.kvs.slice(30)], "the pieces in a row");
  const last = pieces.pop()!;
  t.ok(last.header!.revision >= whole.header!.revision);
  t.same([last.more, last.count], [true, 39]);
  t.ok(
    pieces.every(({ header, more, count }) => header === undefined && !more && count === 0),
    "header, more and count are in the last one only",
  );
  const sorted = kv.rangeStream({ ...all, sort_order: SortOrder.DESCEND })[Symbol.asyncIterator]();
  await refused(t, sorted.next(), "kv.unimplemented");
}

async function history({ kv, key, put, all }: Bench, t: Test): Promise<void> {
  const first = await put("a", "1");
  const second = await put("b", "1");
  await put("a", "2");
  await kv.deleteRange({ key: key("b") });
  const at = async (revision: number): Promise<string> => {
    const { kvs, header } = await kv.range({ ...all, revision });
    t.ok(header!.revision > second, "the header has the present revision, also for the past");
    return kvs.map((pair) => utf8.decode(pair.value)).join(" ");
  };
  t.equal(await at(first), "1");
  t.equal(await at(second), "1 1");
  t.equal(await at(0), "2");
  t.equal(await at(-5), "2", "a negative revision is the present");
  await refused(t, kv.range({ ...all, revision: second + 1_000_000_000 }), "kv.future-revision");
}

async function deletes({ kv, key, nameOf, put, all }: Bench, t: Test): Promise<void> {
  for (const name of ["a", "b", "c"]) await put(name, name);
  const none = await kv.deleteRange({ key: key("x"), prev_kv: true });
  t.same([none.deleted, none.prev_kvs], [0, []]);
  const one = await kv.deleteRange({ key: key("b"), prev_kv: true });
  t.equal(one.deleted, 1);
  t.equal(utf8.decode(one.prev_kvs[0]!.value), "b");
  const rest = await kv.deleteRange({ ...all, prev_kv: true });
  t.same(
    rest.prev_kvs.map((pair) => nameOf(pair.key)),
    ["a", "c"],
  );
  t.ok(rest.header!.revision > one.header!.revision);
  t.equal((await kv.range({ ...all, count_only: true })).count, 0);
  await put("b", "again");
  const [pair] = (await kv.range({ key: key("b") })).kvs;
  t.same([pair!.version, pair!.create_revision === pair!.mod_revision], [1, true], "a new generation");
  await refused(t, kv.deleteRange({}), "kv.empty-key");
}

async function putOptions({ kv, key, put }: Bench, t: Test): Promise<void> {
  const a = { key: key("a") };
  t.equal((await kv.put({ ...a, value: utf8.encode("1"), prev_kv: true })).prev_kv, undefined);
  const { prev_kv } = await kv.put({ ...a, value: utf8.encode("2"), prev_kv: true });
  t.equal(utf8.decode(prev_kv!.value), "1");
  await kv.put({ ...a, ignore_value: true });
  const [pair] = (await kv.range(a)).kvs;
  t.same([utf8.decode(pair!.value), pair!.version], ["2", 3]);
  await refused(t, kv.put({ ...a, value: utf8.encode("x"), ignore_value: true }), "kv.value-provided");
  await refused(t, kv.put({ ...a, lease: 1n, ignore_lease: true }), "kv.lease-provided");
  await refused(t, kv.put({ key: key("absent"), ignore_value: true }), "kv.key-not-found");
  await refused(t, kv.put({ ...a, lease: 0x7abcdef0123n }), "kv.lease-not-found");
  await put("a", "");
  t.equal((await kv.range(a)).kvs[0]!.value.length, 0, "a value may be empty");
}

async function txnBranches({ kv, key, put }: Bench, t: Test): Promise<void> {
  const revision = await put("a", "1");
  const decide = async (...compare: NonNullable<Init<TxnRequest>["compare"]>[number][]): Promise<boolean> =>
    (await kv.txn({ compare })).succeeded;
  const a = { key: key("a") };
  const absent = { key: key("absent") };
  t.ok(await decide(), "no condition holds");
  t.ok(await decide({ ...a, target: CompareTarget.VALUE, value: utf8.encode("1") }));
  t.notOk(await decide({ ...a, target: CompareTarget.VALUE, value: utf8.encode("2") }));
  t.ok(await decide({ ...a, result: 2, target: CompareTarget.VALUE, value: utf8.encode("2") }), "less");
  t.ok(await decide({ ...a, target: CompareTarget.MOD, mod_revision: revision }));
  t.ok(await decide({ ...a, result: 1, target: CompareTarget.CREATE, create_revision: revision - 1 }));
  t.ok(await decide({ ...a, result: 3, target: CompareTarget.VERSION, version: 2 }));
  t.ok(await decide({ ...a, target: CompareTarget.LEASE, lease: 0n }));
  t.ok(await decide({ ...absent, target: CompareTarget.VERSION, version: 0 }), "absent has version 0");
  t.ok(await decide({ ...absent, target: CompareTarget.CREATE, create_revision: 0 }));
  t.notOk(await decide({ ...absent, result: 3, target: CompareTarget.VALUE, value: utf8.encode("1") }));
  await put("a2", "1");
  const both = { ...a, range_end: key("b"), target: CompareTarget.VALUE };
  t.ok(await decide({ ...both, value: utf8.encode("1") }), "every key of an interval");
  await put("a2", "2");
  t.notOk(await decide({ ...both, value: utf8.encode("1") }));
  const response = await kv.txn({
    compare: [{ ...absent, target: CompareTarget.VERSION, result: 1 }],
    success: [{ request_put: { ...a, value: utf8.encode("never") } }],
    failure: [{ request_range: a }, { request_delete_range: { key: key("a2") } }],
  });
  t.equal(response.succeeded, false);
  t.equal(utf8.decode(response.responses[0]!.response_range!.kvs[0]!.value), "1");
  t.equal(response.responses[1]!.response_delete_range!.deleted, 1);
}

async function txnOrder({ kv, key, put, all }: Bench, t: Test): Promise<void> {
  const before = await put("a", "old");
  const response = await kv.txn({
    success: [
      { request_range: { key: key("a") } },
      { request_put: { key: key("a"), value: utf8.encode("new"), prev_kv: true } },
      { request_range: { key: key("a") } },
      {
        request_txn: {
          compare: [{ key: key("a"), target: CompareTarget.VALUE, value: utf8.encode("old") }],
          success: [{ request_put: { key: key("b"), value: utf8.encode("b") } }],
        },
      },
      { request_range: { ...all, count_only: true } },
    ],
  });
  const revision = response.header!.revision;
  t.ok(revision > before);
  const [first, put1, second, nested, counted] = response.responses;
  t.equal(utf8.decode(first!.response_range!.kvs[0]!.value), "old");
  t.equal(utf8.decode(put1!.response_put!.prev_kv!.value), "old");
  t.equal(utf8.decode(second!.response_range!.kvs[0]!.value), "new");
  t.equal(second!.response_range!.kvs[0]!.mod_revision, revision);
  t.ok(nested!.response_txn!.succeeded, "a nested compare sees the state before the txn");
  t.equal(counted!.response_range!.count, 2);
  const { kvs } = await kv.range(all);
  t.same(
    kvs.map((pair) => pair.mod_revision),
    [revision, revision],
    "one revision",
  );
  const empty = await kv.txn({ success: [{ request_delete_range: { key: key("absent") } }] });
  const same = await kv.range({ key: key("a"), revision: empty.header!.revision });
  t.equal(same.kvs[0]!.mod_revision, revision);
}

async function txnRefusals({ kv, key, put, all }: Bench, t: Test): Promise<void> {
  await put("a", "1");
  const putOf = (name: string, extra: object = {}) => ({ request_put: { key: key(name), ...extra } });
  const cases: [string, Init<TxnRequest>, KvErrorCode][] = [
    ["same key put twice", { success: [putOf("b"), putOf("b")] }, "kv.duplicate-key"],
    [
      "put inside a deleted interval",
      { success: [putOf("b"), { request_delete_range: all }] },
      "kv.duplicate-key",
    ],
    [
      "also in the branch that would not run",
      { failure: [{ request_delete_range: all }, putOf("b")] },
      "kv.duplicate-key",
    ],
    [
      "also against a nested branch",
      { success: [putOf("b"), { request_txn: { failure: [putOf("b")] } }] },
      "kv.duplicate-key",
    ],
    ["unknown lease", { success: [putOf("b"), putOf("c", { lease: 0x7abcdef0124n })] }, "kv.lease-not-found"],
    ["empty key", { success: [putOf("b"), { request_put: {} }] }, "kv.empty-key"],
    [
      "future revision",
      { success: [putOf("b"), { request_range: { ...all, revision: 1_000_000_000_000 } }] },
      "kv.future-revision",
    ],
    [
      "too many operations",
      { success: Array.from({ length: 129 }, (_, at) => putOf(`many${at}`)) },
      "kv.too-many-operations",
    ],
  ];
  for (const [what, request, code] of cases) {
    t.comment(what);
    await refused(t, kv.txn(request), code);
  }
  t.equal((await kv.range({ ...all, count_only: true })).count, 1, "nothing was written");
  const free = await kv.txn({
    success: [
      { request_txn: { success: [putOf("b")], failure: [putOf("b")] } },
      { request_delete_range: { key: key("a") } },
    ],
  });
  t.ok(free.succeeded, "the two branches of one nested txn are free of each other");
}

async function compaction({ kv, key, put, all }: Bench, t: Test): Promise<void> {
  const first = await put("a", "1");
  const second = await put("a", "2");
  const third = await put("a", "3");
  await kv.compact({ revision: second, physical: true });
  await refused(t, kv.range({ key: key("a"), revision: first }), "kv.compacted");
  t.equal(utf8.decode((await kv.range({ key: key("a"), revision: second })).kvs[0]!.value), "2");
  t.equal(utf8.decode((await kv.range({ key: key("a") })).kvs[0]!.value), "3");
  await refused(t, kv.compact({ revision: second }), "kv.compacted");
  await refused(t, kv.compact({ revision: third + 1_000_000_000 }), "kv.future-revision");
  await refused(t, kv.txn({ success: [{ request_range: { ...all, revision: first } }] }), "kv.compacted");
}

async function leases({ kv, key }: Bench, t: Test): Promise<void> {
  const { ID, TTL } = await kv.leaseGrant({ TTL: 600 });
  t.ok(ID > 0n && TTL === 600);
  await refused(t, kv.leaseGrant({ TTL: 600, ID }), "kv.lease-exists");
  await refused(t, kv.leaseGrant({ TTL: 9_000_000_001 }), "kv.lease-ttl-too-large");
  await kv.put({ key: key("a"), lease: ID });
  t.equal((await kv.range({ key: key("a") })).kvs[0]!.lease, ID);
  const alive = await kv.leaseKeepAlive({ ID });
  t.same([alive.ID, alive.TTL], [ID, 600]);
  const time = await kv.leaseTimeToLive({ ID, keys: true });
  t.ok(time.TTL <= 600 && time.TTL > 500, "remaining whole seconds");
  t.equal(time.grantedTTL, 600);
  t.same(time.keys.map(utf8.decode), [utf8.decode(key("a"))]);
  t.ok((await kv.leaseLeases({})).leases.some((lease) => lease.ID === ID));
  await kv.put({ key: key("a") });
  t.same((await kv.leaseTimeToLive({ ID, keys: true })).keys, [], "a put without the lease detaches");
  await kv.put({ key: key("a"), lease: ID });
  await kv.put({ key: key("a"), value: utf8.encode("kept"), ignore_lease: true });
  t.equal((await kv.range({ key: key("a") })).kvs[0]!.lease, ID, "ignore_lease keeps it");
  await kv.leaseRevoke({ ID });
  t.equal((await kv.range({ key: key("a") })).count, 0);
  await refused(t, kv.leaseRevoke({ ID }), "kv.lease-not-found");
  const dead = await kv.leaseKeepAlive({ ID });
  t.same([dead.ID, dead.TTL], [ID, 0], "keepalive of an unknown lease is no error");
  t.equal((await kv.leaseTimeToLive({ ID })).TTL, -1);
  const short = await kv.leaseGrant({ TTL: 1 });
  t.ok(short.TTL >= 2, "a TTL below the minimum is raised");
  await kv.leaseRevoke({ ID: short.ID });
}

async function revoke({ kv, key, put, all }: Bench, t: Test): Promise<void> {
  const { ID } = await kv.leaseGrant({ TTL: 600 });
  for (const name of ["c", "a", "b"]) await kv.put({ key: key(name), lease: ID });
  const before = await put("free", "1");
  await kv.leaseRevoke({ ID });
  const { kvs, header } = await kv.range(all);
  t.equal(kvs.length, 1, "only attached keys go");
  t.equal((await kv.range({ ...all, revision: before })).count, 4);
  t.ok(header!.revision > before);
}

async function membersAndStatus({ kv, put }: Bench, t: Test): Promise<void> {
  await put("a", "1");
  const { members } = await kv.memberList({ linearizable: true });
  t.ok(members.length >= 1);
  t.same(
    members.map((member) => member.ID),
    members.map((member) => member.ID).sort((left, right) => (left < right ? -1 : 1)),
    "sorted by id",
  );
  const status = await kv.status({});
  t.match(status.version, /^\d+\.\d+\.\d+/);
  t.ok(
    members.some((member) => member.ID === status.leader),
    "the leader is a member",
  );
  t.ok(status.raftAppliedIndex > 0);
}

async function canceled({ kv, key }: Bench, t: Test): Promise<void> {
  const signal = AbortSignal.abort();
  await refused(t, kv.range({ key: key("a") }, { signal }), "kv.canceled");
}
