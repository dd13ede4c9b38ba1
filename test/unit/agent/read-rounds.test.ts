import { test } from "tap";
import { ReadRounds } from "../../../src/agent/read-rounds.ts";
import { Index } from "../../../src/base/ids.ts";
import { HandClock } from "../../support/hand-clock.ts";

function rounds() {
  const clock = new HandClock();
  const turns: number[] = [];
  const reads = new ReadRounds(clock, () => turns.push(clock.now()));
  return { clock, reads, turns };
}

test("reads of one turn share a round, and leave when its index is applied", async (t) => {
  const { clock, reads } = rounds();
  const served: string[] = [];
  reads.add(() => served.push("a"));
  reads.add(() => served.push("b"));
  const first = reads.open(clock.now())!;
  reads.add(() => served.push("c"));
  const second = reads.open(clock.now())!;
  t.not(first, second, "one that comes later is in a later round");
  t.equal(reads.open(clock.now()), null, "nobody waits any more");
  reads.ready(second, Index(9));
  reads.ready(first, Index(7));
  reads.release(Index(6));
  t.same(served, []);
  reads.release(Index(7));
  t.same(served, ["a", "b"]);
  reads.release(Index(9));
  t.same(served, ["a", "b", "c"]);
});

test("a read that was given up is not served, and opens no round", async (t) => {
  const { clock, reads } = rounds();
  const giveUp = reads.add(() => t.fail("was served"));
  giveUp();
  t.equal(reads.open(clock.now()), null);
});

test("a dropped round is asked again when there is a leader", async (t) => {
  const { clock, reads } = rounds();
  let served = 0;
  reads.add(() => served++);
  reads.dropped(reads.open(clock.now())!);
  t.equal(reads.open(clock.now()), null, "not before");
  reads.retry();
  const again = reads.open(clock.now())!;
  reads.ready(again, Index(1));
  reads.release(Index(1));
  t.equal(served, 1);
});

test("a round without an answer is asked again, and an answer to the old one is nothing", async (t) => {
  const { clock, reads, turns } = rounds();
  let served = 0;
  reads.add(() => served++);
  const lost = reads.open(clock.now())!;
  await clock.advance(1000);
  t.ok(turns.length > 1, "it wanted another turn");
  const again = reads.open(clock.now())!;
  reads.ready(lost, Index(1));
  reads.release(Index(1));
  t.equal(served, 0);
  reads.ready(again, Index(1));
  reads.release(Index(1));
  t.equal(served, 1);
  reads.close();
  t.equal(clock.pending, 0, "no timer is left");
});
