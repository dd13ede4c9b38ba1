import { test } from "tap";
import { serverMeters } from "../../../../src/agent/maintenance/server-meters.ts";
import { MetricRegistry } from "../../../../src/api/ops/metric-registry.ts";
import type { Command } from "../../../../src/store/command.ts";
import { KvError } from "../../../../src/store/errors.ts";
import type { StoreWrite } from "../../../../src/store/storage.ts";
import * as wire from "../../../../src/store/wire/messages.ts";
import { HandClock } from "../../../support/hand-clock.ts";

const bytes = (length: number): Buffer => Buffer.alloc(length);

function command<Kind extends Command["kind"]>(kind: Kind, request: object): Command {
  return { kind, request, requestId: 1n, wallMs: 0 } as Command;
}

test("what is applied is counted by what it did", async (t) => {
  const registry = new MetricRegistry();
  const { apply } = serverMeters(registry);
  const put = wire.PutRequest.create({ key: bytes(2), value: bytes(3) });
  const request_put = put;
  const txn = wire.TxnRequest.create({
    success: [
      { request_put },
      { request_txn: { success: [{ request_put }], failure: [{ request_range: {} }] } },
    ],
    failure: [{ request_delete_range: {} }],
  });
  const ran = (succeeded: boolean, nested: boolean): object =>
    wire.TxnResponse.create({
      succeeded,
      responses: succeeded ? [{ response_put: {} }, { response_txn: { succeeded: nested } }] : [],
    });
  apply.applied(command("put", put), { response: {} });
  apply.applied(command("put", put), { error: new KvError("kv.no-space") });
  apply.applied(command("txn", txn), { response: ran(true, true) });
  apply.applied(command("txn", txn), { response: ran(true, false) });
  apply.applied(command("txn", txn), { response: ran(false, false) });
  t.match(apply, { puts: 4, putBytes: 20, deletes: 1, ranges: 1, txns: 5 });
  apply.applied(command("lease-grant", {}), { response: { TTL: 60 } });
  apply.applied(command("lease-revoke", {}), { response: {} });
  apply.applied(command("lease-expire", { IDs: [1n, 2n] }), { response: null });
  t.match(apply, { leasesGranted: 1, leasesRevoked: 3, leasesExpired: 2, slowBatches: 0 });

  apply.batch(0.8);
  apply.batch(0);
  t.equal(apply.slowBatches, 1);
  const line = (success: string, count: number): string =>
    `etcd_server_apply_duration_seconds_count{version="v3",op="Put",success="${success}"} ${count}\n`;
  const text = registry.render();
  t.ok(text.includes(line("true", 1)) && text.includes(line("false", 1)));
  t.ok(text.includes('op="Txn",success="true",le="0.1024"} 3\n'), "each entry is the mean of its batch");
});

test("a compaction is measured over its slices", async (t) => {
  const registry = new MetricRegistry();
  const { compaction } = serverMeters(registry);
  const clock = new HandClock();
  const store = { compactRevision: 0, compactionFinished: 0 };
  const slice = async (rows: number, tookMs: number, finished: boolean): Promise<void> => {
    await clock.advance(50);
    const writes: StoreWrite[] = [];
    const target = store.compactRevision;
    let tick = clock.now();
    const reading = { ...clock, now: () => tick } as unknown as HandClock;
    compaction.slice(store, reading, writes, () => {
      for (let i = 0; i < rows; i++) writes.push({ type: "del", key: bytes(1) });
      if (finished && rows > 0) writes.push({ type: "put", key: bytes(1), value: bytes(1) });
      tick = (tick + tookMs) as typeof tick;
      if (finished) store.compactionFinished = target;
      return !finished;
    });
  };
  await slice(0, 5, true);
  store.compactRevision = 7;
  await slice(10, 2, false);
  await slice(10, 3, false);
  await slice(3, 1, true);
  await slice(0, 9, true);
  t.equal(compaction.rows, 23);
  const value = (name: string): number =>
    Number(new RegExp(`^${name} (.*)$`, "m").exec(registry.render())![1]);
  t.equal(value("etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds_count"), 3);
  t.equal(value("etcd_debugging_mvcc_db_compaction_pause_duration_milliseconds_sum"), 6);
  t.equal(value("etcd_debugging_mvcc_db_compaction_total_duration_milliseconds_count"), 1);
  t.equal(value("etcd_debugging_mvcc_db_compaction_total_duration_milliseconds_sum"), 101);
});
