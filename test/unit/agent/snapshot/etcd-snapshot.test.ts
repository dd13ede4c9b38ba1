import { join } from "node:path";
import { type Test, test } from "tap";
import { EtcdSnapshots } from "../../../../src/agent/snapshot/etcd-snapshot.ts";
import { Index, MemberId, Term } from "../../../../src/base/ids.ts";
import type { Logger } from "../../../../src/base/ports.ts";
import { LevelStorage } from "../../../../src/host/level/level-storage.ts";
import { encodeChange } from "../../../../src/store/mvcc/record.ts";
import { revisionKey } from "../../../../src/store/tables.ts";
import { HandClock } from "../../../support/hand-clock.ts";

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** A database of 400 changes of 2 kB, and its snapshots. */
async function opened(
  t: Test,
): Promise<{ snapshots: EtcdSnapshots; storage: LevelStorage; clock: HandClock }> {
  const storage = await LevelStorage.open({ path: join(t.testdir(), "db") }, { logger: silent });
  const writes = Array.from({ length: 400 }, (_, i) => {
    const fields = { create_revision: i + 2, mod_revision: i + 2, version: 1, lease: 0n };
    const kv = { key: Buffer.from(`k${i}`), value: Buffer.alloc(2000, "v"), ...fields };
    const value = encodeChange({ name: `k${i}`, kv, deleted: false }, true);
    return { type: "put" as const, key: revisionKey(i + 2, 0), value };
  });
  storage.write(writes, Index(7));
  const clock = new HandClock();
  const configuration = { voters: [MemberId(1n)], votersOutgoing: [], learners: [] };
  const snapshots = new EtcdSnapshots(
    { clusterVersion: "3.5.0" },
    { view: () => storage.view(), raftAt: () => ({ term: Term(2), configuration }), clock, logger: silent },
  );
  return { snapshots, storage, clock };
}

test("pieces count down to the sum of all, and say the version", async (t) => {
  const { snapshots, storage } = await opened(t);
  let total: number | null = null;
  let seen = 0;
  const sizes: number[] = [];
  for await (const { remaining_bytes, blob, version } of snapshots.pieces()) {
    total ??= remaining_bytes + blob.length;
    sizes.push(blob.length);
    seen += blob.length;
    t.equal(version, "3.5.0");
    if (blob.length > 32) t.equal(remaining_bytes, total - seen);
    else t.equal(remaining_bytes, 0);
  }
  t.equal(seen, total! + 32);
  t.equal(total! % 512, 0);
  t.ok(sizes.slice(0, -2).every((size) => size === 32 * 1024));
  t.equal(sizes.at(-1), 32);
  await storage.close();
});

test("a client that takes nothing for two minutes loses its snapshot, and level its old rows", async (t) => {
  const { snapshots, storage, clock } = await opened(t);
  const pieces = snapshots.pieces();
  await pieces.next();
  await pieces.next();
  await clock.advance(120_000);
  const rest = async (): Promise<void> => {
    while (!(await pieces.next()).done);
  };
  await t.rejects(rest(), { code: "kv.unavailable" });
  await storage.close();
});

test("those whose clients have gone silent leave their room to others", async (t) => {
  const { snapshots, storage, clock } = await opened(t);
  const silentOnes = Array.from({ length: 4 }, () => snapshots.pieces());
  for (const pieces of silentOnes) await pieces.next();
  await t.rejects(snapshots.pieces().next(), { code: "kv.too-many-requests" });
  await clock.advance(120_000);
  const others = Array.from({ length: 4 }, () => snapshots.pieces());
  for (const pieces of others) t.equal((await pieces.next()).done, false);
  for (const pieces of silentOnes) await pieces.return();
  await t.rejects(snapshots.pieces().next(), { code: "kv.too-many-requests" }, "room is given back once");
  for (const pieces of others) await pieces.return();
  t.equal(clock.pending, 0);
  await storage.close();
});

test("a database that closes under a snapshot ends it with an error", async (t) => {
  const { snapshots, storage } = await opened(t);
  const pieces = snapshots.pieces();
  await pieces.next();
  await storage.close();
  const rest = async (): Promise<void> => {
    while (!(await pieces.next()).done);
  };
  await t.rejects(rest(), { code: "kv.unavailable" });
});

test("no room is left taken by those that failed", async (t) => {
  const failing = new EtcdSnapshots(
    { clusterVersion: "3.5.0" },
    {
      view: () => Promise.reject(new Error("no disk")),
      raftAt: () => ({ term: Term(1), configuration: { voters: [], votersOutgoing: [], learners: [] } }),
      clock: new HandClock(),
      logger: silent,
    },
  );
  for (let i = 0; i < 10; i++) await t.rejects(failing.pieces().next(), { code: "kv.unavailable" });
});
