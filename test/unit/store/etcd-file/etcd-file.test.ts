import fc from "fast-check";
import { test } from "tap";
import { toLatin1 } from "../../../../src/base/bytes.ts";
import { Index, MemberId, Term } from "../../../../src/base/ids.ts";
import { type EtcdEntry, rowBuckets, smallBuckets } from "../../../../src/store/etcd-file/buckets.ts";
import { revisionEntry } from "../../../../src/store/etcd-file/revision-entry.ts";
import { LeaseRecord } from "../../../../src/store/lease/lease-table.ts";
import { MemberTable } from "../../../../src/store/members.ts";
import { encodeChange } from "../../../../src/store/mvcc/record.ts";
import type { StoreWrite } from "../../../../src/store/storage.ts";
import { revisionKey, Table } from "../../../../src/store/tables.ts";
import { KeyValue } from "../../../../src/store/wire/messages.ts";

const keyValue = fc.record({
  key: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  value: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  create_revision: fc.integer({ min: 1, max: 2 ** 50 }),
  mod_revision: fc.integer({ min: 1, max: 2 ** 50 }),
  version: fc.integer({ min: 1, max: 2 ** 40 }),
  lease: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
});

test("law: a change becomes etcd's key and exactly etcd's encoding of it", async () => {
  fc.assert(
    fc.property(keyValue, fc.boolean(), fc.boolean(), fc.nat(2 ** 40), (kv, deleted, last, sub) => {
      const stored = deleted
        ? { ...kv, value: Buffer.alloc(0), create_revision: 0, version: 0, lease: 0n }
        : kv;
      const row = encodeChange({ name: toLatin1(kv.key), kv: stored, deleted }, last);
      const [key, value] = revisionEntry(revisionKey(kv.mod_revision, sub), row);
      const expected = deleted ? KeyValue.encode({ key: kv.key }) : KeyValue.encode(kv);
      const at = Buffer.from(key);
      return (
        Buffer.compare(value, expected) === 0 &&
        at.length === (deleted ? 18 : 17) &&
        at.readBigUInt64BE(0) === BigInt(kv.mod_revision) &&
        at.readBigUInt64BE(9) === BigInt(sub) &&
        at.toString("latin1", 8, 9) + at.toString("latin1", 17) === (deleted ? "_t" : "_")
      );
    }),
  );
});

test("law: a damaged row is refused or translated, nothing worse", async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (row) => {
      try {
        const [, value] = revisionEntry(revisionKey(5, 0), row);
        return value.length <= row.length;
      } catch (error) {
        return error instanceof Error && error.name === "RowError";
      }
    }),
  );
});

test("the small buckets, given members, one removed, and an unfinished history", async (t) => {
  const members = new MemberTable();
  const rows: [Uint8Array, Uint8Array][] = [];
  const put = (writes: StoreWrite[]): void => {
    for (const write of writes) if (write.type === "put") rows.push([write.key, write.value]);
  };
  const writes: Parameters<MemberTable["set"]>[1] = [];
  const first = {
    ID: 0xffff_ffff_ffff_fff1n,
    name: "m1",
    peerURLs: ["http://a:1"],
    clientURLs: ["http://a:2"],
  };
  members.set({ ...first, isLearner: false }, writes);
  const learner = { ID: 0x12n, name: "", peerURLs: ["http://b:1"], clientURLs: [], isLearner: true };
  put(writes);
  const changed: typeof writes = [];
  members.change({ member: learner, members: [...members.list(), learner], removed: 0x77n }, changed);
  const isOther = (write: StoreWrite): boolean =>
    write.type !== "put" || write.key[0] !== Table.member || write.key.at(-1) === 0x12;
  put(changed.filter(isOther));
  const facts = {
    index: Index(9),
    term: Term(3),
    voters: [MemberId(first.ID)],
    learners: [MemberId(0x12n)],
    clusterVersion: "3.5.0",
  };
  const text = (entries: readonly EtcdEntry[] | undefined): string[] | undefined =>
    entries?.map(([key, value]) => `${toLatin1(key)}=${toLatin1(value)}`);
  const buckets = smallBuckets(rows, facts);
  t.strictSame(text(buckets.get("members")), [
    '12={"id":18,"peerURLs":["http://b:1"],"isLearner":true}',
    'fffffffffffffff1={"id":18446744073709551601,"peerURLs":["http://a:1"],"name":"m1","clientURLs":["http://a:2"]}',
  ]);
  t.strictSame(text(buckets.get("members_removed")), ["77=removed"]);
  t.strictSame(text(buckets.get("cluster")), ["clusterVersion=3.5.0"]);
  t.strictSame(text(buckets.get("meta")), [
    'confState={"voters":[18446744073709551601],"learners":[18],"auto_leave":false}',
    "consistent_index=\0\0\0\0\0\0\0\x09",
    "term=\0\0\0\0\0\0\0\x03",
  ]);
  t.strictSame(text(buckets.get("auth")), ["authRevision=\0\0\0\0\0\0\0\x01"]);
});

test("a lease keeps its id and its TTL, and what remains in whole seconds", async (t) => {
  const { entry } = rowBuckets.find(({ name }) => name === "lease")!;
  const row = LeaseRecord.encode({ ID: 0x55n, TTL: 60, remaining_ms: 1500 });
  const [key, value] = entry(Buffer.from("030000000000000055", "hex"), row);
  t.equal(Buffer.from(key).toString("hex"), "0000000000000055");
  t.equal(Buffer.from(value).toString("hex"), "0855103c1802");
});
