import { test } from "tap";
import { LeaderLoss } from "../../../src/agent/leader-loss.ts";
import { HandClock } from "../../support/hand-clock.ts";

function world() {
  const clock = new HandClock();
  let leader = true;
  const loss = new LeaderLoss({ electionMs: 1000 }, { hasLeader: () => leader, clock });
  const see = (has: boolean): void => {
    leader = has;
    loss.leaderChanged();
  };
  return { clock, loss, see };
}

test("three election timeouts without a leader, and not one less", async (t) => {
  const { clock, loss, see } = world();
  let told = 0;
  loss.listen(() => told++);
  const stop = loss.listen(() => t.fail("stopped listening"));
  stop();
  see(false);
  await clock.advance(2000);
  see(false);
  await clock.advance(900);
  see(true);
  await clock.advance(10_000);
  t.equal(told, 0, "it came back in time");
  see(false);
  await clock.advance(2999);
  t.equal(told, 0);
  await clock.advance(1);
  t.equal(told, 1);
  await clock.advance(10_000);
  t.equal(told, 1, "once");
  t.equal(clock.pending, 0);
});

test("thousands are told in slices, whoever leaves meanwhile", async (t) => {
  const { clock, loss, see } = world();
  let told = 0;
  const stops: (() => void)[] = [];
  for (let i = 0; i < 1200; i++) {
    stops.push(
      loss.listen(() => {
        told++;
        if (told === 1) stops[1]!();
      }),
    );
  }
  see(false);
  await clock.advance(3000);
  t.equal(told, 1199);
  t.equal(loss.waiting, 0);
});

test("closed, it arms no timer", async (t) => {
  const { clock, loss, see } = world();
  loss.close();
  see(false);
  t.equal(clock.pending, 0);
});
