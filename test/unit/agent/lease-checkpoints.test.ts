/** Checkpoints and resets in the order in which they reach the log. */
import { test } from "tap";
import { LeaseCheckpoints } from "../../../src/agent/lease-checkpoints.ts";
import { LeaseId } from "../../../src/base/ids.ts";
import { silent } from "../../../src/base/ports.ts";
import { Leases } from "../../../src/store/lease/lease-clock.ts";
import type { LeaseCheckpoint } from "../../../src/store/wire/messages.ts";
import { HandClock, settled } from "../../support/hand-clock.ts";

const id = LeaseId(1n);
const minute = 60_000;

/** A leader with one lease of 1000 s, and a log that takes an entry when the test says so. */
function leader() {
  const clock = new HandClock();
  const leases = new Leases();
  leases.table.grant(id, 1000, []);
  leases.promote(clock.now());
  const log: string[] = [];
  const waiting: { list: readonly LeaseCheckpoint[]; done: PromiseWithResolvers<void> }[] = [];
  const checkpoints = new LeaseCheckpoints({
    leases,
    propose: (list) => {
      const done = Promise.withResolvers<void>();
      waiting.push({ list, done });
      return done.promise;
    },
    clock,
    logger: silent,
  });
  const next = async (how: "applied" | "lost"): Promise<void> => {
    const entry = waiting.shift()!;
    for (const { ID, remaining_ms } of entry.list) {
      if (how === "applied") leases.table.checkpoint(LeaseId(ID), remaining_ms, []);
      log.push(`${how} ${ID}=${remaining_ms / 1000}`);
    }
    if (how === "applied") entry.done.resolve();
    else entry.done.reject(new Error("no quorum"));
    await settled();
  };
  checkpoints.lead(true);
  return { clock, leases, checkpoints, log, waiting, next };
}

test("the log is told every five minutes what remains", async (t) => {
  const { clock, log, waiting, next, checkpoints } = leader();
  await clock.advance(5 * minute - 1);
  t.equal(waiting.length, 0);
  await clock.advance(1001);
  await next("applied");
  await clock.advance(5 * minute + 1000);
  await next("applied");
  t.match(log, [/applied 1=(700|699)/, /applied 1=(400|399|398)/]);
  checkpoints.close();
  t.equal(clock.pending, 0);
});

test("a renewal of a lease that was not checkpointed costs no entry", async (t) => {
  const { checkpoints, waiting } = leader();
  await checkpoints.beforeRenewal([id]);
  t.equal(waiting.length, 0);
});

test("a renewal waits for the checkpoint under way, then for the full TTL in the log", async (t) => {
  const { clock, leases, checkpoints, log, waiting, next } = leader();
  await clock.advance(5 * minute + 1000);
  t.equal(waiting.length, 1, "the checkpoint is under way");
  let renewed = false;
  const renewal = checkpoints.beforeRenewal([id]).then(() => (renewed = true));
  await settled();
  t.equal(waiting.length, 1, "the reset is not proposed before the checkpoint has settled");
  await next("applied");
  t.equal(renewed, false);
  await next("applied");
  await renewal;
  t.equal(log.at(-1), "applied 1=0");
  t.equal(leases.table.get(id)?.remainingMs, 0);
  t.notOk(leases.isShortened(id));
});

test("a reset that got lost refuses the renewal, and the next one tries again", async (t) => {
  const { clock, leases, checkpoints, next } = leader();
  await clock.advance(5 * minute + 1000);
  await next("applied");
  const renewal = checkpoints.beforeRenewal([id]);
  await settled();
  await Promise.all([t.rejects(renewal), next("lost")]);
  t.ok(leases.isShortened(id));
  const again = checkpoints.beforeRenewal([id]);
  await settled();
  await next("applied");
  await again;
  t.notOk(leases.isShortened(id));
});

test("a checkpoint that may or may not be in the log counts as being there", async (t) => {
  const { clock, leases, next } = leader();
  await clock.advance(5 * minute + 1000);
  await next("lost");
  t.ok(leases.isShortened(id));
});
