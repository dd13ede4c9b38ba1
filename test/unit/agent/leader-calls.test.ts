/** Who is asked, how often, and what the asker hears in the end. */
import { test } from "tap";
import { LeaderCalls } from "../../../src/agent/leader-calls.ts";
import { LeaseRenewals } from "../../../src/agent/lease-renewals.ts";
import { encodeError, encodeResult } from "../../../src/agent/peer-calls.ts";
import { MemberId } from "../../../src/base/ids.ts";
import { KvError, type KvErrorCode } from "../../../src/store/errors.ts";
import * as wire from "../../../src/store/wire/messages.ts";
import { HandClock, settled } from "../../support/hand-clock.ts";

const [self, other, third] = [MemberId(1n), MemberId(2n), MemberId(3n)];
const body = Buffer.from("question");

type Behaviour = () => Promise<Uint8Array>;
const says = (text: string): Behaviour => {
  return async () => Buffer.from(text);
};
const refuses = (code: KvErrorCode): Behaviour => {
  return async () => {
    throw new KvError(code);
  };
};

function calls(members: Map<MemberId, Behaviour>) {
  const clock = new HandClock();
  const listeners = new Set<() => void>();
  const asked: MemberId[] = [];
  const shell = {
    leader: null as MemberId | null,
    onLeaderChange: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const ask = async (member: MemberId): Promise<Uint8Array> => {
    asked.push(member);
    return members.get(member)!();
  };
  const leaderCalls = new LeaderCalls(
    { memberId: self, timeoutMs: 7000 },
    {
      shell,
      answer: () => ask(self),
      call: (to, _method, _payload, signal) =>
        new Promise((resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Error("aborted")));
          ask(to).then(
            (answer) => resolve(encodeResult(answer)),
            (error) => (error instanceof KvError ? resolve(encodeError(error)) : reject(error)),
          );
        }),
      timeoutError: () => new KvError("kv.timeout-leader-lost"),
      clock,
    },
  );
  const elect = (leader: MemberId | null): void => {
    shell.leader = leader;
    for (const listener of [...listeners]) listener();
  };
  return { clock, asked, elect, leaderCalls, listeners };
}

test("here, there, and not before there is a leader", async (t) => {
  const { elect, leaderCalls, asked, clock, listeners } = calls(
    new Map([
      [self, says("self")],
      [other, says("other")],
    ]),
  );
  const early = leaderCalls.ask("lease-leases", body);
  await settled();
  t.strictSame(asked, []);
  elect(self);
  t.equal(String(await early), "self");
  elect(other);
  t.equal(String(await leaderCalls.ask("lease-leases", body)), "other");
  t.equal(clock.pending + listeners.size, 0, "nothing is left behind");
});

test("a deposed leader is not what a client hears of", async (t) => {
  const { elect, leaderCalls, asked } = calls(
    new Map([
      [other, refuses("kv.not-leader")],
      [third, says("third")],
    ]),
  );
  elect(other);
  const answer = leaderCalls.ask("lease-leases", body);
  await settled();
  elect(third);
  t.equal(String(await answer), "third");
  t.strictSame(asked, [other, third]);
});

test("the same leader is asked again, until the deadline", async (t) => {
  const { elect, leaderCalls, asked, clock } = calls(new Map([[other, refuses("kv.leader-changed")]]));
  elect(other);
  const answer = t.rejects(leaderCalls.ask("lease-leases", body), { code: "kv.timeout-leader-lost" });
  await settled();
  await clock.advance(8000);
  await answer;
  t.ok(asked.length > 10 && asked.length <= 71, `${asked.length} times`);
});

test("a leader that does not answer is left for the next one", async (t) => {
  const { elect, leaderCalls } = calls(
    new Map([
      [other, () => new Promise<never>(() => {})],
      [third, says("third")],
    ]),
  );
  elect(other);
  const answer = leaderCalls.ask("lease-leases", body);
  await settled();
  elect(null);
  elect(third);
  t.equal(String(await answer), "third");
});

test("refusals pass, a lost connection has its own timeout, and a caller may give up", async (t) => {
  const members = new Map([[other, refuses("kv.too-many-requests")]]);
  const { elect, leaderCalls, clock } = calls(members);
  elect(other);
  await t.rejects(leaderCalls.ask("lease-leases", body), { code: "kv.too-many-requests" });
  members.set(other, () => Promise.reject(new Error("connection refused")));
  const lost = t.rejects(leaderCalls.ask("lease-leases", body), { code: "kv.timeout-connection-lost" });
  await settled();
  await clock.advance(8000);
  await lost;
  const giveUp = new AbortController();
  const canceled = t.rejects(leaderCalls.ask("lease-leases", body, giveUp.signal), { code: "kv.canceled" });
  giveUp.abort();
  await canceled;
});

test("keepalives of one turn are one question, and each gets its own answer", async (t) => {
  const questions: bigint[][] = [];
  const renewals = new LeaseRenewals({
    ask: async (request) => {
      const { IDs } = wire.LeaseRenewals.decode(request);
      questions.push(IDs);
      if (IDs.includes(13n)) throw new KvError("kv.no-leader");
      return wire.LeaseRenewed.encode({ TTLs: IDs.map((ID) => (ID === 5n ? 0 : Number(ID))) });
    },
  });
  t.strictSame(await Promise.all([7n, 5n, 7n].map((ID) => renewals.renew(ID))), [7, 0, 7]);
  t.strictSame(questions, [[7n, 5n, 7n]]);
  await t.rejects(renewals.renew(13n), { code: "kv.no-leader" });
  const many = Array.from({ length: 2500 }, (_, i) => renewals.renew(BigInt(i + 100)));
  t.equal((await Promise.all(many)).length, 2500);
  t.strictSame(
    questions.slice(2).map((ids) => ids.length),
    [1000, 1000, 500],
  );
});
