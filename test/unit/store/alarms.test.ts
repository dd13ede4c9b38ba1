/** Alarms as replicated state (etcd.md 8.2 to 8.4): what each refuses, who may clear it, and that a restart keeps it. */
import { type Test, test } from "tap";
import { putCost, txnCost } from "../../../src/store/cost.ts";
import type { KvErrorCode } from "../../../src/store/errors.ts";
import { AlarmAction, AlarmRequest, AlarmType } from "../../../src/store/wire/admin-messages.ts";
import * as wire from "../../../src/store/wire/messages.ts";
import { StoreWorld } from "../../support/store-world.ts";

const key = Buffer.from("k");
const put = wire.PutRequest.create({ key, value: Buffer.from("v") });
const remove = wire.DeleteRangeRequest.create({ key });

function alarm(world: StoreWorld, action: number, memberID: bigint, kind: number): string[] {
  const response = world.done("alarm", AlarmRequest.create({ action, memberID, alarm: kind }));
  return response.alarms.map((each) => `${each.memberID}:${each.alarm}`);
}

test("raising and clearing", async (t) => {
  const world = new StoreWorld();
  const { ACTIVATE, DEACTIVATE, GET } = AlarmAction;
  const { NOSPACE, CORRUPT, NONE } = AlarmType;
  t.same(alarm(world, ACTIVATE, 9n, NOSPACE), ["9:1"]);
  t.same(alarm(world, ACTIVATE, 9n, NOSPACE), ["9:1"], "twice is once");
  t.same(alarm(world, ACTIVATE, 0xffff_ffff_ffff_fff0n, CORRUPT), ["18446744073709551600:2"]);
  t.same(alarm(world, ACTIVATE, 3n, NOSPACE), ["3:1"]);
  t.same(alarm(world, GET, 0n, NONE), ["3:1", "9:1", "18446744073709551600:2"], "by member");
  t.same(alarm(world, GET, 0n, NOSPACE), ["3:1", "9:1"]);
  t.same(alarm(world, GET, 9n, NONE), ["9:1"]);
  t.same(alarm(world, DEACTIVATE, 0n, NONE), [], "exactly that pair, and there is none such");
  t.same(alarm(world, DEACTIVATE, 9n, CORRUPT), []);
  t.same(alarm(world, DEACTIVATE, 9n, NOSPACE), ["9:1"]);
  const again = world.restarted();
  t.same(alarm(again, GET, 0n, NONE), ["3:1", "18446744073709551600:2"], "a restart keeps them");
  t.equal(again.store.revision, 1, "an alarm is no change of a key");
});

test("what each alarm refuses", async (t: Test) => {
  const world = new StoreWorld();
  world.done("lease-grant", wire.LeaseGrantRequest.create({ ID: 5n, TTL: 60 }));
  world.done("put", put);
  const refusal = (run: () => { error?: { detail: { code: KvErrorCode } } | undefined }): string =>
    run().error?.detail.code ?? "done";
  const all = (): string[] => [
    refusal(() => world.apply("put", put)),
    refusal(() => world.apply("txn", wire.TxnRequest.create({ success: [operation({ request_put: put })] }))),
    refusal(() => world.apply("lease-grant", wire.LeaseGrantRequest.create({ TTL: 60 }))),
    refusal(() => world.apply("delete-range", remove)),
    refusal(() =>
      world.apply("txn", wire.TxnRequest.create({ success: [operation({ request_delete_range: remove })] })),
    ),
    refusal(() => world.apply("compact", wire.CompactionRequest.create({ revision: world.store.revision }))),
    refusal(() => world.apply("lease-revoke", wire.LeaseRevokeRequest.create({ ID: 5n }))),
  ];
  alarm(world, AlarmAction.ACTIVATE, 1n, AlarmType.NOSPACE);
  const full = "kv.no-space";
  t.same(all(), [full, full, full, "done", "done", "done", "done"]);
  t.equal(world.store.range(wire.RangeRequest.create({ key })).count, 0, "a read is served");
  alarm(world, AlarmAction.ACTIVATE, 2n, AlarmType.CORRUPT);
  t.same(all(), new Array(7).fill("kv.corrupt"), "next to nothing is done with a corrupt cluster");
  t.throws(() => world.store.range(wire.RangeRequest.create({ key })), { message: "kv.corrupt" });
  t.throws(() => world.store.readTxn(wire.TxnRequest.create({})), { message: "kv.corrupt" });
  alarm(world, AlarmAction.DEACTIVATE, 2n, AlarmType.CORRUPT);
  alarm(world, AlarmAction.DEACTIVATE, 1n, AlarmType.NOSPACE);
  t.equal(
    refusal(() => world.apply("put", put)),
    "done",
  );
});

function operation(init: Partial<wire.RequestOp>): wire.RequestOp {
  return wire.RequestOp.create(init);
}

test("what a request costs", async (t) => {
  t.equal(putCost(put), 258);
  const nested = operation({
    request_txn: wire.TxnRequest.create({ failure: [operation({ request_put: put })] }),
  });
  const puts = operation({ request_put: put });
  const cases: [string, wire.TxnRequest, number][] = [
    ["nothing", wire.TxnRequest.create({}), 0],
    ["only deletes", wire.TxnRequest.create({ success: [operation({ request_delete_range: remove })] }), 0],
    ["the larger branch", wire.TxnRequest.create({ success: [puts], failure: [puts, puts] }), 516],
    ["nested ones count", wire.TxnRequest.create({ success: [puts, nested] }), 516],
  ];
  for (const [what, request, cost] of cases) t.equal(txnCost(request), cost, what);
});

test("how much the store says it takes", async (t) => {
  const world = new StoreWorld();
  const empty = world.store.bytesInUse;
  const value = Buffer.alloc(10_000);
  for (let i = 0; i < 20; i++) world.done("put", wire.PutRequest.create({ key, value }));
  const full = world.store.bytesInUse;
  t.ok(full - empty >= 200_000, "every version of a value counts, compressible or not");
  t.equal(world.restarted().store.bytesInUse, full, "a restart comes to the same");
  world.done("compact", wire.CompactionRequest.create({ revision: world.store.revision }));
  world.pumpAll();
  t.equal(world.store.bytesTotal, full, "freed space is not given back");
  t.ok(world.store.bytesInUse < empty + 11_000);
  world.store.reclaimed();
  t.equal(world.store.bytesTotal, world.store.bytesInUse, "now it is");
  t.equal(world.restarted().store.bytesInUse, world.store.bytesInUse);
});
