/**
 * HashKV against Debian's etcd: the same history gives the same number, at every revision, before and after compactions. So
 * the rows of both programs say the same, byte for byte where the sum looks.
 */
import { test } from "tap";
import { silent } from "../../src/base/ports.ts";
import { RemoteKv } from "../../src/host/kv-remote/remote-kv.ts";
import * as wire from "../../src/store/wire/messages.ts";
import { StoreWorld } from "../support/store-world.ts";
import { systemClock } from "./clock.ts";
import { etcdctlMissing, etcdMissing, startEtcd } from "./etcd.ts";
import { etcdctl } from "./etcdctl.ts";

const bytes = (text: string): Buffer => Buffer.from(text);

test("HashKV equals etcd's", { skip: etcdMissing || etcdctlMissing }, async (t) => {
  const etcd = await startEtcd();
  const kv = new RemoteKv(
    { endpoints: [etcd.endpoint], requestTimeoutMs: 5000 },
    { clock: systemClock, logger: silent },
  );
  t.teardown(async () => {
    await kv.close();
    await etcd.stop();
  });
  const world = new StoreWorld();

  const put = async (key: string, value: string, lease = 0n): Promise<void> => {
    const request = wire.PutRequest.create({ key: bytes(key), value: bytes(value), lease });
    world.done("put", request);
    await kv.put(request);
  };
  const remove = async (key: string, end = ""): Promise<void> => {
    const request = wire.DeleteRangeRequest.create({ key: bytes(key), range_end: bytes(end) });
    world.done("delete-range", request);
    await kv.deleteRange(request);
  };
  const compact = async (revision: number): Promise<void> => {
    const request = wire.CompactionRequest.create({ revision, physical: true });
    world.done("compact", request);
    world.pumpAll();
    await kv.compact(request);
  };
  const same = async (what: string, revision: number): Promise<void> => {
    t.same(ours(world, revision), await theirs(etcd.endpoint, revision), `${what}, at ${revision}`);
  };

  await put("a", "1");
  await put("b", "x".repeat(300));
  await put("a", "2");
  await remove("a");
  await kv.leaseGrant({ ID: 0x1234567890abcdefn, TTL: 600 });
  world.done("lease-grant", wire.LeaseGrantRequest.create({ ID: 0x1234567890abcdefn, TTL: 600 }));
  await put("c", "leased", 0x1234567890abcdefn);
  await put("a", "again");
  for (let i = 0; i < 20; i++) await put(`n${i % 7}`, `${i}`);
  await remove("n2", "n5");
  await remove("absent");
  for (const revision of [0, 2, 5, 10, world.store.revision]) await same("without compaction", revision);
  await compact(9);
  for (const revision of [0, 10, 15, world.store.revision]) await same("compacted at 9", revision);
  await put("n1", "after");
  await compact(world.store.revision - 1);
  await same("compacted just before", world.store.revision);
  await remove("\0", "\0");
  await compact(world.store.revision - 1);
  await same("no key is left", world.store.revision);
});

function ours(world: StoreWorld, revision: number): { hash: number; compactRevision: number } {
  world.flush();
  const hasher = world.store.hashKv(revision);
  hasher.add(world.records.rows());
  const { hash, compactRevision } = hasher.digest();
  hasher.close();
  return { hash, compactRevision };
}

async function theirs(
  endpoint: string,
  revision: number,
): Promise<{ hash: number; compactRevision: number }> {
  const { stdout } = await etcdctl(endpoint, ["endpoint", "hashkv", "--rev", `${revision}`, "-w", "json"]);
  const [{ HashKV }] = JSON.parse(stdout);
  return { hash: HashKV.hash, compactRevision: HashKV.compact_revision };
}
