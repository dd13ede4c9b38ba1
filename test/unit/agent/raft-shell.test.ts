/** The shell's contract with its core at the edges of a member's life. test/simulation drives the core itself. */
import { test } from "tap";
import { RaftShell } from "../../../src/agent/raft-shell.ts";
import { Index, Term } from "../../../src/base/ids.ts";
import { silent } from "../../../src/base/ports.ts";
import { votersOnly } from "../../../src/raft/configuration.ts";
import type { Message } from "../../../src/raft/message.ts";
import { HandClock, settled } from "../../support/hand-clock.ts";
import { m, raftOf } from "../raft/support.ts";

/** A cluster of one, so that what was asked before the start can be answered after it. */
function world() {
  const clock = new HandClock();
  const raft = raftOf({ configuration: votersOnly([m(1)]) });
  const [proposed, sent, failures]: [string[], Message[], unknown[]] = [[], [], []];
  const shell = new RaftShell(
    { raft },
    {
      log: { append: async () => {} },
      machine: {
        apply: (entries) => entries.length,
        drained: async () => {},
        roleChanged() {},
        dropped: (proposals) =>
          void proposed.push(...proposals.map(({ data }) => Buffer.from(data).toString())),
        sendSnapshot() {},
      },
      send: (message) => void sent.push(message),
      clock,
      logger: silent,
      fatal: (error) => void failures.push(error),
      metrics: { syncSeconds() {} },
    },
  );
  return { clock, raft, shell, proposed, sent, failures };
}

test("before its start a member hears nothing and says nothing, and what was asked of it waits", async (t) => {
  const { clock, raft, shell, proposed, sent, failures } = world();
  t.teardown(() => shell.close());
  const peer = m(2);
  const vote = { type: "request-vote", from: peer, to: m(1), term: Term(9) } as const;
  shell.receive({ ...vote, lastIndex: Index(9), lastTerm: Term(9), transfer: false });
  shell.post({ type: "unreachable", now: clock.now(), peer });
  let read = false;
  shell.read(() => {
    read = true;
  });
  shell.propose(Buffer.from("early"));
  for (let i = 0; i < 5; i++) await settled();
  t.same([raft.term, raft.role, shell.readsWaiting, read, proposed], [0, "follower", 1, false, []]);

  t.notOk(shell.started);
  const snapshot = { index: Index(5), term: Term(1), configuration: votersOnly([m(1)]) };
  await t.rejects(
    shell.install(snapshot, async () => t.fail("nothing is replaced")),
    "a snapshot cannot be a member's first event",
  );
  t.throws(() => shell.post({ type: "compact", now: clock.now(), keepFrom: Index(1) }), "there was no step");

  shell.start();
  await clock.advance(2000);
  for (let i = 0; i < 5; i++) await settled();
  t.equal(shell.role, "leader");
  t.equal(shell.term, 1, "the vote of long ago was lost");
  t.ok(read, "the read is served");
  t.same(proposed, ["early"], "the proposal comes back, since there was no leader in its turn");
  t.same([sent, failures], [[], []]);
});
