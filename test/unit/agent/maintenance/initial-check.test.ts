import { test } from "tap";
import { Hasher, type KvHash } from "../../../../src/agent/maintenance/hasher.ts";
import { checkBeforeServing } from "../../../../src/agent/maintenance/initial-check.ts";
import { MemberId } from "../../../../src/base/ids.ts";
import { silent } from "../../../../src/base/ports.ts";
import { PeerError } from "../../../../src/host/peer/errors.ts";
import { KvError } from "../../../../src/store/errors.ts";
import { HandClock, settled } from "../../../support/hand-clock.ts";

const own: KvHash = { hash: 7, compactRevision: 3, hashRevision: 10, revision: 10 };

type Answer = KvHash | KvError | "away";

/** Member 1 starts; `answers` are those of member 2 by attempt, the last again and again. */
function start(clock: HandClock, answers: readonly Answer[]) {
  const asked: string[] = [];
  const check = checkBeforeServing({
    self: MemberId(1n),
    clock,
    logger: silent,
    hasher: new Hasher({ timed: (work) => work(), hashKv: async () => own }),
    ask: async (peer, method, revision) => {
      const answer = answers[Math.min(asked.length, answers.length - 1)]!;
      asked.push(`${method} ${revision}`);
      if (answer === "away") throw new PeerError("gone", { code: "peer.disconnected", peer });
      if (answer instanceof KvError) throw answer;
      return answer;
    },
    members: () => [MemberId(1n), MemberId(2n)],
  });
  check.catch(() => {});
  return { check, asked };
}

test("a start is refused only by a peer that can be compared", async (t) => {
  const clock = new HandClock();
  const cases: [why: string, answer: Answer, refused: boolean][] = [
    ["equal", own, false],
    ["other data", { ...own, hash: 8 }, true],
    ["other data, but compacted further", { ...own, hash: 8, compactRevision: 5 }, false],
    ["behind", new KvError("kv.future-revision"), false],
    ["compacted beyond", new KvError("kv.compacted"), false],
    ["receives a snapshot itself", new KvError("kv.unavailable"), false],
  ];
  for (const [why, answer, refused] of cases) {
    const { check, asked } = start(clock, [answer]);
    if (refused) await t.rejects(check, { code: "server.corrupt", detail: { peers: ["2"] } }, why);
    else await t.resolves(check, why);
    t.same(asked, ["hash-kv 10"], "of what is there now, since nobody takes part yet");
  }
});

test("connections are waited for, but not for ever", async (t) => {
  const clock = new HandClock();
  const late = start(clock, ["away", "away", { ...own, hash: 8 }]);
  await settled();
  await clock.advance(1000);
  await t.rejects(late.check, { code: "server.corrupt" });
  t.equal(late.asked.length, 3);
  const never = start(clock, ["away"]);
  await settled();
  await clock.advance(2900);
  const before = never.asked.length;
  await clock.advance(10_000);
  await never.check;
  t.ok(before >= 29 && never.asked.length <= before + 2, `${before}, then ${never.asked.length}`);
  t.equal(clock.pending, 0);
});
