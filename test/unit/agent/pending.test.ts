import { test } from "tap";
import { PendingProposals } from "../../../src/agent/pending.ts";
import { MemberId } from "../../../src/base/ids.ts";
import { KvError } from "../../../src/store/errors.ts";
import { HandClock } from "../../support/hand-clock.ts";

function pendingOf(max = 10) {
  const clock = new HandClock();
  const proposed: bigint[] = [];
  const pending = new PendingProposals(
    { memberId: MemberId(0xabcdn), proposalsPendingMax: max, timeoutMs: 7000 },
    {
      clock,
      propose: (data) => proposed.push(Buffer.from(data).readBigUInt64BE()),
      timeoutError: () => new KvError("kv.timeout"),
    },
  );
  const submit = (signal?: AbortSignal): Promise<{ n: number }> =>
    pending.submit((requestId) => {
      const data = Buffer.alloc(8);
      data.writeBigUInt64BE(requestId);
      return data;
    }, signal);
  return { clock, proposed, pending, submit };
}

test("a proposal is answered by its entry, once", async (t) => {
  const { proposed, pending, submit, clock } = pendingOf();
  const answer = submit();
  pending.settle(proposed[0]! + 1n, { response: { n: 9 } });
  pending.settle(proposed[0]!, { response: { n: 1 } });
  pending.settle(proposed[0]!, { error: new KvError("kv.timeout") });
  t.same(await answer, { n: 1 });
  t.equal(pending.size, 0);
  await clock.advance(10_000);
  t.equal(pending.failed, 0);
});

test("request ids carry the member, and grow", async (t) => {
  const { proposed, submit, pending } = pendingOf();
  const answers = [submit(), submit()];
  t.equal(proposed[0]! >> 48n, 0xabcdn);
  t.equal(proposed[1]!, proposed[0]! + 1n);
  pending.close();
  for (const answer of answers) await t.rejects(answer, { code: "kv.stopped" });
});

test("the deadline, a cancellation and a full house", async (t) => {
  const { clock, submit, proposed } = pendingOf(2);
  const late = submit();
  const abort = new AbortController();
  const canceled = submit(abort.signal);
  await t.rejects(submit(), { code: "kv.too-many-requests" });
  t.equal(proposed.length, 2, "what is refused is not proposed");
  abort.abort();
  await t.rejects(canceled, { code: "kv.canceled" });
  const expired = t.rejects(late, { code: "kv.timeout" });
  await clock.advance(7000);
  await expired;
});

test("what found no leader is proposed again, unless nobody waits for it any more", async (t) => {
  const { proposed, pending, submit, clock } = pendingOf();
  const abort = new AbortController();
  const kept = submit();
  const gone = submit(abort.signal);
  for (const requestId of [...proposed]) pending.hold(requestId);
  abort.abort();
  await t.rejects(gone, { code: "kv.canceled" });
  pending.retryHeld();
  t.same(proposed.slice(2), [proposed[0]]);
  pending.retryHeld();
  t.equal(proposed.length, 3, "once");
  pending.settle(proposed[0]!, { response: { n: 1 } });
  t.same(await kept, { n: 1 });
  t.equal(clock.pending, 1, "the timer looks at what is left when it fires");
});
