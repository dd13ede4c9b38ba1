import { test } from "tap";
import { LeaseExpiry } from "../../../src/agent/lease-expiry.ts";
import { Instant, type LeaseId } from "../../../src/base/ids.ts";
import { silent } from "../../../src/base/ports.ts";
import { HandClock } from "../../support/hand-clock.ts";

/** One lease that ends at `deadline`, and a record of what expiry did about it. */
function expiryOf(deadline: number) {
  const clock = new HandClock();
  const did: string[] = [];
  let confirm = (): Promise<void> => Promise.resolve();
  let open = true;
  const expiry = new LeaseExpiry({
    leases: {
      due: (now) => (open && now >= deadline ? [7n as LeaseId] : []),
      nextDeadline: () => (open ? Instant(deadline) : null),
    },
    confirmLeadership: async () => {
      did.push("confirm");
      await confirm();
    },
    expire: async (ids) => {
      did.push(`expire ${ids.join()}`);
      open = false;
    },
    clock,
    logger: silent,
  });
  return { clock, did, expiry, setConfirm: (how: () => Promise<void>) => (confirm = how) };
}

test("a lease goes after its deadline, once leadership is confirmed", async (t) => {
  const { clock, did, expiry } = expiryOf(5000);
  expiry.lead(true);
  await clock.advance(4999);
  t.same(did, []);
  await clock.advance(600);
  t.same(did, ["confirm", "expire 7"]);
  t.equal(clock.pending, 0, "no lease, no timer");
});

test("a follower looks at nothing", async (t) => {
  const { clock, did, expiry } = expiryOf(0);
  expiry.leasesChanged();
  await clock.advance(10_000);
  t.same(did, []);
});

test("leadership that is lost while it is being confirmed expires nothing", async (t) => {
  const { clock, did, expiry, setConfirm } = expiryOf(1000);
  const asked = Promise.withResolvers<void>();
  setConfirm(() => asked.promise);
  expiry.lead(true);
  await clock.advance(2000);
  t.same(did, ["confirm"]);
  expiry.lead(false);
  asked.resolve();
  await clock.advance(10_000);
  t.same(did, ["confirm"]);
});

test("leadership that cannot be confirmed is asked for again, by one timer", async (t) => {
  const { clock, did, expiry, setConfirm } = expiryOf(1000);
  setConfirm(() => Promise.reject(new Error("no quorum")));
  expiry.lead(true);
  await clock.advance(1100);
  t.same(did, ["confirm"]);
  t.equal(clock.pending, 1);
  setConfirm(() => Promise.resolve());
  await clock.advance(1000);
  t.same(did, ["confirm", "confirm", "expire 7"]);
  expiry.close();
  t.equal(clock.pending, 0);
});

test("a renewal that is answered while the leadership is being confirmed saves its lease", async (t) => {
  const clock = new HandClock();
  let deadline = 1000;
  const expired: bigint[] = [];
  const asked = Promise.withResolvers<void>();
  const expiry = new LeaseExpiry({
    leases: {
      due: (then) => (then >= deadline && expired.length === 0 ? [7n as LeaseId] : []),
      nextDeadline: () => (expired.length === 0 ? Instant(deadline) : null),
    },
    confirmLeadership: () => asked.promise,
    expire: async (ids) => void expired.push(...ids),
    clock,
    logger: silent,
  });
  expiry.lead(true);
  await clock.advance(1100);
  deadline = 3000;
  asked.resolve();
  await clock.advance(1000);
  t.same(expired, []);
  await clock.advance(1500);
  t.same(expired, [7n]);
});

test("very many leases that ended go in several entries, one after the other", async (t) => {
  const clock = new HandClock();
  let left = 5;
  const entries: number[] = [];
  const expiry = new LeaseExpiry({
    leases: {
      due: (now) => (now >= 1000 && left > 0 ? [BigInt(left--) as LeaseId] : []),
      nextDeadline: () => (left > 0 ? Instant(1000) : null),
    },
    confirmLeadership: async () => {},
    expire: async (ids) => void entries.push(ids.length),
    clock,
    logger: silent,
  });
  expiry.lead(true);
  await clock.advance(1500);
  t.same(entries, [1, 1, 1, 1, 1]);
});

test("a short lease does not wait for a long one that was there first", async (t) => {
  const clock = new HandClock();
  const deadlines = new Map([[1n, 100_000]]);
  const expired: bigint[] = [];
  const expiry = new LeaseExpiry({
    leases: {
      due: (now) => {
        const due = [...deadlines].filter(([, at]) => at <= now).map(([id]) => id as LeaseId);
        for (const id of due) deadlines.delete(id);
        return due;
      },
      nextDeadline: () => (deadlines.size > 0 ? Instant(Math.min(...deadlines.values())) : null),
    },
    confirmLeadership: async () => {},
    expire: async (ids) => void expired.push(...ids),
    clock,
    logger: silent,
  });
  expiry.lead(true);
  deadlines.set(2n, 2000);
  expiry.leasesChanged();
  deadlines.set(3n, 60_000);
  expiry.leasesChanged();
  t.equal(clock.pending, 1);
  await clock.advance(2600);
  t.same(expired, [2n]);
  await clock.advance(58_000);
  t.same(expired, [2n, 3n]);
});
