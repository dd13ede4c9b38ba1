import { test } from "tap";
import { AutoCompaction } from "../../../../src/agent/maintenance/auto-compaction.ts";
import { startAutoCompactor } from "../../../../src/agent/maintenance/auto-compactor.ts";
import { Instant } from "../../../../src/base/ids.ts";
import { silent } from "../../../../src/base/ports.ts";
import { KvError } from "../../../../src/store/errors.ts";
import { HandClock } from "../../../support/hand-clock.ts";

const minuteMs = 60_000;

/** Samples for `steps` steps with a revision that grows by 10 each; [step, target] of every compaction. */
function run(decision: AutoCompaction, steps: number, succeeds = true): [step: number, target: number][] {
  const targets: [number, number][] = [];
  for (let step = 0; step <= steps; step++) {
    const now = Instant(step * decision.everyMs);
    const target = decision.sample(now, 1 + step * 10);
    if (target === null) continue;
    targets.push([step, target]);
    if (succeeds) decision.compacted(now, target);
  }
  return targets;
}

test("periodic: up to an hour, a period passes, then every period to what was one period ago", async (t) => {
  const decision = new AutoCompaction({ mode: "periodic", periodMs: 30 * minuteMs });
  t.equal(decision.everyMs, 3 * minuteMs);
  t.same(run(decision, 35), [
    [10, 1],
    [20, 101],
    [30, 201],
  ]);
});

test("periodic: beyond an hour, a period passes, then every hour", async (t) => {
  const decision = new AutoCompaction({ mode: "periodic", periodMs: 600 * minuteMs });
  t.equal(decision.everyMs, 6 * minuteMs);
  t.same(run(decision, 125), [
    [100, 1],
    [110, 101],
    [120, 201],
  ]);
});

test("periodic: a period that is no whole number of steps is kept whole", async (t) => {
  const decision = new AutoCompaction({ mode: "periodic", periodMs: 65 * minuteMs });
  t.equal(decision.everyMs, 6 * minuteMs);
  // 11 steps are 66 minutes; what is written in the last 65 minutes stays.
  t.same(run(decision, 22), [
    [11, 1],
    [21, 101],
  ]);
  const short = new AutoCompaction({ mode: "periodic", periodMs: 33 });
  t.same(run(short, 10), [[10, 1]], "and what only rounding makes one step more is none");
});

test("periodic: a failure is tried again at the next sample, an idle store is left alone", async (t) => {
  const failing = new AutoCompaction({ mode: "periodic", periodMs: 10 * minuteMs });
  t.same(run(failing, 12, false), [
    [10, 1],
    [11, 11],
    [12, 21],
  ]);
  const idle = new AutoCompaction({ mode: "periodic", periodMs: 10 * minuteMs });
  const targets: (number | null)[] = [];
  for (let step = 0; step <= 30; step++) {
    const now = Instant(step * idle.everyMs);
    const target = idle.sample(now, 5);
    if (target !== null) idle.compacted(now, target);
    targets.push(target);
  }
  t.same(
    targets.filter((target) => target !== null),
    [5],
  );
});

test("revision: every five minutes, what is older than so many revisions", async (t) => {
  const decision = new AutoCompaction({ mode: "revision", keep: 25 });
  t.equal(decision.everyMs, 5 * minuteMs);
  t.same(run(decision, 5), [
    [3, 6],
    [4, 16],
    [5, 26],
  ]);
});

test("only the leader compacts, and a compaction that somebody else made counts", async (t) => {
  const clock = new HandClock();
  const asked: number[] = [];
  let [leads, revision] = [false, 100];
  const stop = startAutoCompactor(
    { mode: "periodic", periodMs: 10 * minuteMs },
    {
      clock,
      logger: silent,
      isLeader: () => leads,
      revision: () => revision,
      compact: async (target) => {
        asked.push(target);
        if (asked.length === 2) throw new KvError("kv.compacted");
        if (asked.length === 3) throw new KvError("kv.timeout");
      },
    },
  );
  const pass = async (minutes: number): Promise<void> => {
    for (let i = 0; i < minutes; i++) {
      revision++;
      await clock.advance(minuteMs);
    }
  };
  await pass(15);
  t.same(asked, [], "a follower only watches");
  leads = true;
  await pass(1);
  t.same(asked, [106], "a new leader knows the past");
  await pass(10);
  t.same(asked, [106, 116]);
  await pass(10);
  t.same(asked, [106, 116, 126], "this one fails");
  await pass(1);
  t.same(asked, [106, 116, 126, 127], "and is tried again");
  stop();
  await pass(30);
  t.equal(asked.length, 4);
});
