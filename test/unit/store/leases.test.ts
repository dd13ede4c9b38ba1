/** Leases: what is replicated, and what only the leader's clock knows. */
import { test } from "tap";
import { Instant, LeaseId } from "../../../src/base/ids.ts";
import { hashStore } from "../../../src/store/hash.ts";
import type { Leases } from "../../../src/store/lease/lease-clock.ts";
import * as wire from "../../../src/store/wire/messages.ts";
import { StoreWorld } from "../../support/store-world.ts";

const at = (seconds: number): Instant => Instant(seconds * 1000);
const [one, two] = [LeaseId(1n), LeaseId(2n)];

function granted(ttls: Record<string, number>): { world: StoreWorld; leases: Leases } {
  const world = new StoreWorld();
  for (const [id, TTL] of Object.entries(ttls)) {
    world.done("lease-grant", wire.LeaseGrantRequest.create({ ID: BigInt(id), TTL }));
  }
  return { world, leases: world.store.leases };
}

function put(world: StoreWorld, key: string, lease: bigint): void {
  world.done("put", wire.PutRequest.create({ key: Buffer.from(key), lease }));
}

test("a follower holds no deadlines, a new leader gives the full TTL", async (t) => {
  const { leases } = granted({ 1: 10 });
  t.equal(leases.nextDeadline(at(5)), null);
  t.equal(leases.renew(one, at(5)), null);
  t.equal(leases.timeToLive(one, at(5), false)?.ttlSeconds, 10);
  leases.promote(at(100));
  t.equal(leases.nextDeadline(at(100)), at(110));
  leases.demote();
  leases.promote(at(109));
  t.strictSame(leases.due(at(118), 10), []);
  t.strictSame(leases.due(at(119), 10), [one]);
});

test("renewal, expiry, and no way back from it", async (t) => {
  const { world, leases } = granted({ 1: 10, 2: 20 });
  leases.promote(at(0));
  t.equal(leases.renew(one, at(9)), 10);
  t.equal(leases.nextDeadline(at(9)), at(19));
  t.strictSame(leases.list(), [one, two]);
  t.strictSame(leases.due(at(20), 1), [one], "at most as many as asked");
  t.strictSame(leases.due(at(20), 1), [two]);
  t.strictSame(leases.due(at(20), 1), [], "reported once");
  t.equal(leases.renew(one, at(20)), null, "its expiry may be in the log");
  t.equal(leases.timeToLive(one, at(20), false)?.ttlSeconds, 0);
  t.strictSame(leases.due(at(21), 10).sort(), [one, two], "again, if the proposal was lost");
  world.done("lease-expire", wire.LeaseExpire.create({ IDs: [1n, 2n, 3n] }));
  t.equal(leases.nextDeadline(at(22)), null);
  t.equal(leases.timeToLive(one, at(22), false), null);
});

test("a lease granted on the leader starts when the clock is next seen", async (t) => {
  const { world, leases } = granted({});
  leases.promote(at(0));
  world.done("lease-grant", wire.LeaseGrantRequest.create({ ID: 1n, TTL: 10 }));
  t.equal(leases.nextDeadline(at(3)), at(13));
  world.done("lease-grant", wire.LeaseGrantRequest.create({ ID: 2n, TTL: 10 }));
  world.done("lease-revoke", wire.LeaseRevokeRequest.create({ ID: 2n }));
  t.equal(leases.nextDeadline(at(4)), at(13), "a revoked one never starts");
});

test("a renewal that came in time counts, however long the leadership took to confirm", async (t) => {
  const { leases } = granted({ 1: 10 });
  leases.promote(at(0));
  t.equal(leases.renew(one, at(12), at(9)), 10);
  t.equal(leases.nextDeadline(at(12)), at(22), "it runs from the answer on");
  t.equal(leases.renew(one, at(23), at(22)), null, "too late");
});

test("what is due at once is bounded by leases and keys together", async (t) => {
  const { world, leases } = granted({ 1: 10, 2: 11 });
  for (const key of ["a", "b", "c"]) put(world, key, 1n);
  leases.promote(at(0));
  t.strictSame(leases.due(at(20), 4), [one], "three keys and itself");
  t.strictSame(leases.due(at(20), 4), [two]);
});

test("many renewals and revocations leave no more deadlines than leases", async (t) => {
  const { world, leases } = granted({});
  leases.promote(at(0));
  for (let round = 0; round < 1000; round++) {
    world.done("lease-grant", wire.LeaseGrantRequest.create({ ID: 1n, TTL: 1000 }));
    leases.renew(one, at(round));
    world.done("lease-revoke", wire.LeaseRevokeRequest.create({ ID: 1n }));
  }
  world.done("lease-grant", wire.LeaseGrantRequest.create({ ID: 1n, TTL: 10 }));
  t.equal(leases.nextDeadline(at(1000)), at(1010));
  t.strictSame(leases.due(at(1010), 10), [one], "once");
  t.equal(leases.nextDeadline(at(1010)), at(1011), "or again, if its expiry gets lost");
});

test("checkpoints carry the remaining time to the next leader", async (t) => {
  const { world, leases } = granted({ 1: 1000, 2: 10, 3: 300 });
  leases.promote(at(0));
  t.strictSame(leases.checkpoints(at(299), 10), []);
  t.notOk(leases.isShortened(one));
  const checkpoints = leases.checkpoints(at(300), 10);
  t.strictSame(checkpoints, [{ ID: 1n, remaining_ms: 700_000 }], "only leases that are longer than the step");
  t.ok(leases.isShortened(one), "from the moment on at which the log may know");
  world.done("lease-checkpoint", { checkpoints, term: 1 });
  t.equal(leases.nextCheckpoint(at(300)), at(600));
  const next = world.restarted().store.leases;
  next.promote(at(0));
  t.equal(next.timeToLive(one, at(0), false)?.ttlSeconds, 700, "also after a restart from rows");
  t.ok(next.isShortened(one), "a new leader knows that the log knows less");
});

test("a checkpoint of a former leader, applied after the promotion, is known to the clock", async (t) => {
  const { world, leases } = granted({ 1: 1000 });
  leases.promote(at(0));
  world.done("lease-checkpoint", { checkpoints: [{ ID: 1n, remaining_ms: 500_000 }], term: 1 });
  t.ok(leases.isShortened(one), "so a renewal puts the full TTL back first");
});

test("after a reset the log knows the full TTL again, and no checkpoint comes between", async (t) => {
  const { world, leases } = granted({ 1: 1000 });
  leases.promote(at(0));
  world.done("lease-checkpoint", { checkpoints: leases.checkpoints(at(300), 10), term: 1 });
  leases.resetting(one);
  t.strictSame(leases.checkpoints(at(600), 10), [], "not while the reset is under way");
  world.done("lease-checkpoint", { checkpoints: [{ ID: 1n, remaining_ms: 0 }], term: 1 });
  leases.reset(one, true);
  t.notOk(leases.isShortened(one));
  t.equal(leases.renew(one, at(600)), 1000);
  t.equal(leases.nextCheckpoint(at(600)), at(900), "counted from the renewal");
  t.equal(world.restarted().store.leases.table.get(one)?.remainingMs, 0);
});

test("grant", async (t) => {
  const { world } = granted({ 1: 10 });
  const grant = (request: object) => world.apply("lease-grant", wire.LeaseGrantRequest.create(request));
  t.equal(grant({ ID: 1n, TTL: 5 }).error?.code, "kv.lease-exists");
  t.equal(grant({ ID: 9n, TTL: 9_000_000_001 }).error?.code, "kv.lease-ttl-too-large");
  t.equal(grant({ ID: 9n, TTL: -1 }).response?.TTL, 2, "raised to the minimum");
  const chosen = grant({ TTL: 5 }).response!.ID;
  t.ok(chosen > 0n && world.store.leases.table.get(LeaseId(chosen)), "an id from the request id");
});

test("attachments follow the puts, and survive a restart", async (t) => {
  const { world } = granted({ 1: 10, 2: 10 });
  for (const key of ["b", "a", "c", "d"]) put(world, key, 1n);
  put(world, "c", 2n);
  put(world, "d", 0n);
  world.done("delete-range", wire.DeleteRangeRequest.create({ key: Buffer.from("b") }));
  const keys = (world: StoreWorld, id: LeaseId) => [...world.store.leases.table.get(id)!.keys];
  const again = world.restarted();
  for (const each of [world, again]) {
    t.strictSame(keys(each, one), ["a"]);
    t.strictSame(keys(each, two), ["c"]);
  }
  t.equal(hashStore(again.store), hashStore(world.store));
});

test("all keys of a lease go in one revision, sorted", async (t) => {
  const { world } = granted({ 1: 10, 2: 10 });
  for (const key of ["b", "a", "c"]) put(world, key, 1n);
  const before = world.store.revision;
  world.done("lease-expire", wire.LeaseExpire.create({ IDs: [1n, 2n] }));
  t.equal(world.store.revision, before + 1, "the second had no keys");
  t.strictSame(
    world.store.keyspace.changesOf(before + 1).map((change) => change.name),
    ["a", "b", "c"],
  );
});
