/** Single steps that the stories and the simulation pass by too quickly: limits, refusals, the contract of the effects. */
import { test } from "tap";
import { Index, Term } from "../../../src/base/ids.ts";
import { encodeConfiguration, votersOnly } from "../../../src/raft/configuration.ts";
import type { Message, Proposal } from "../../../src/raft/message.ts";
import { installSnapshot, isSnapshotNeeded } from "../../../src/raft/snapshot.ts";
import { Bench, configuration, entries, entryId, m, members, only, raftOf } from "./support.ts";

const normal = (bytes: number): Proposal => ({ type: "normal", data: Buffer.alloc(bytes) });
const change = (voters: number[], learners: number[] = []): Proposal => ({
  type: "configuration",
  data: encodeConfiguration(configuration(voters, [], learners)),
});

test("what a disk cannot have held is a bug", async (t) => {
  t.throws(() =>
    raftOf({ entries: entries("1@1"), hardState: { term: Term(1), vote: null, commit: Index(2) } }),
  );
  t.throws(() =>
    raftOf({ entries: entries("1@3"), hardState: { term: Term(2), vote: null, commit: Index(0) } }),
  );
  t.throws(() => raftOf({ entries: entries("1@1 3@1") }));
  t.throws(() =>
    raftOf({
      snapshot: entryId("5@1"),
      applied: Index(4),
      hardState: { term: Term(1), vote: null, commit: Index(5) },
    }),
  );
});

test("start hands out what was committed before and not applied", async (t) => {
  const bench = new Bench({ entries: [] });
  t.same(only(bench.step({ type: "start" }), "apply"), []);
  const raft = raftOf({
    entries: entries("1@1 2@1 3@1"),
    applied: Index(1),
    hardState: { term: Term(1), vote: null, commit: Index(2) },
  });
  t.equal(raft.commit, 2);
  const restarted = new Bench({
    entries: entries("1@1 2@1 3@1"),
    applied: Index(1),
    hardState: { term: Term(1), vote: null, commit: Index(2) },
  });
  t.equal(restarted.raft.applyIssued, 2);
});

test("a batch of proposals is one persist and one append per follower, and needs the own disk for the own vote", async (t) => {
  const bench = new Bench().lead();
  bench.has(2, 1);
  bench.has(3, 1);
  const effects = bench.step({ type: "propose", proposals: [normal(10), normal(10), normal(10)] });
  t.equal(effects[0]?.type, "persist");
  t.equal(only(effects, "persist")[0]?.entries.length, 3);
  const sends = only(effects, "send").map(({ message }) => message);
  t.match(sends, [
    { type: "append-entries", to: 2n, entries: { length: 3 } },
    { type: "append-entries", to: 3n, entries: { length: 3 } },
  ]);
  t.equal(sends.length, 2);
  t.same(
    only(bench.has(2, 4), "apply"),
    [],
    "committed by two others, or by one and the own disk; not by one",
  );
  t.equal(bench.raft.commit, 1);
  t.equal(only(bench.persist(), "apply")[0]?.entries.length, 3);
});

test("committed by the others before the own disk answered: applied only when durable here", async (t) => {
  const bench = new Bench().lead();
  bench.has(2, 1);
  bench.step({ type: "propose", proposals: [normal(1)] });
  bench.has(2, 2);
  t.same(only(bench.has(3, 2), "apply"), []);
  t.equal(bench.raft.commit, 2);
  t.equal(only(bench.persist(), "apply")[0]?.entries.length, 1);
});

test("uncommitted proposals are capped, but one always fits", async (t) => {
  const bench = new Bench({ uncommittedBytesMax: 300 }).lead();
  bench.has(2, 1);
  const propose = (...sizes: number[]) =>
    only(bench.step({ type: "propose", proposals: sizes.map(normal) }), "proposals-dropped");
  t.same(propose(1000), [], "nothing else is pending");
  t.match(propose(1, 2), [{ reason: "uncommitted-full", proposals: { length: 2 } }]);
  bench.persist();
  bench.has(2, 2);
  t.match(
    propose(100, 100, 100),
    [{ reason: "uncommitted-full", proposals: { length: 1 } }],
    "the first ones fit",
  );
});

test("configuration changes: one at a time, after an entry of the own term, with overlapping quorums", async (t) => {
  const bench = new Bench().lead();
  const propose = (proposal: Proposal) =>
    only(bench.step({ type: "propose", proposals: [proposal] }), "proposals-dropped");
  const refused = [{ reason: "configuration-refused" }];
  t.match(propose(change([1, 2, 3, 4])), refused, "nothing of the own term is committed");
  bench.persist();
  bench.has(2, 1);
  t.match(propose(change([1, 4, 5])), refused, "two at once");
  t.match(propose({ type: "configuration", data: Buffer.from("nonsense") }), refused);
  t.same(propose(change([1, 2, 3], [4])), []);
  t.ok(bench.raft.progress.has(m(4)), "in force when appended");
  t.match(propose(change([1, 2, 3, 4])), refused, "the last one is not committed");
  bench.persist();
  bench.has(2, 2);
  t.same(propose(change([1, 2, 3, 4])), []);
  bench.persist();
  bench.has(2, 3);
  t.equal(bench.raft.commit, 2, "two of four are no majority");
  bench.has(3, 3);
  t.equal(bench.raft.commit, 3);
});

test("a leader that is removed leads until that is committed, then steps down", async (t) => {
  const bench = new Bench().lead();
  bench.persist();
  bench.has(2, 1);
  bench.step({ type: "propose", proposals: [change([2, 3])] });
  bench.persist();
  bench.has(2, 2);
  t.equal(bench.raft.role, "leader", "the own disk does not count any more");
  bench.has(3, 2);
  t.same([bench.raft.role, bench.raft.commit], ["follower", 2]);
  t.same(only(bench.step({ type: "wake" }), "send"), [], "and never campaigns again");
});

test("a vote request leaves after the vote; an append does not wait", async (t) => {
  const bench = new Bench();
  bench.now = bench.raft.electionDeadline;
  t.equal(only(bench.step({ type: "wake" }), "send").length, 2, "pre-votes promise nothing");
  const granted = { type: "pre-vote-response", from: m(2), to: m(1), term: Term(1), granted: true } as const;
  const effects = bench.step({ type: "receive", message: granted });
  t.match(effects[0], { type: "persist", hardState: { term: 1, vote: 1n }, sync: true });
  t.equal(only(effects, "send").length, 0);
  t.equal(only(effects, "send-after-persist").length, 2);
});

test("one wake per step, and only when it changed; an early wake asks again", async (t) => {
  const bench = new Bench();
  const deadline = bench.raft.electionDeadline;
  t.same(bench.step({ type: "applied", index: Index(0) }), []);
  t.same(only(bench.step({ type: "wake" }), "wake"), [{ type: "wake", at: deadline }]);
});

test("messages for others, from itself, or of strangers do nothing", async (t) => {
  const bench = new Bench().lead();
  const heartbeat = {
    type: "heartbeat-response",
    from: m(2),
    to: m(9),
    term: bench.raft.term,
    round: 1,
  } as const;
  t.same(bench.step({ type: "receive", message: heartbeat }), []);
  t.same(bench.step({ type: "receive", message: { ...heartbeat, from: m(1), to: m(1) } }), []);
  t.same(bench.step({ type: "receive", message: { ...heartbeat, from: m(7), to: m(1) } }), []);
});

test("reads beyond the limit are dropped; each is answered once", async (t) => {
  const bench = new Bench({ readsPendingMax: 2 }).lead();
  bench.persist();
  bench.has(2, 1);
  for (const context of [1n, 2n]) t.same(only(bench.step({ type: "read", context }), "read-dropped"), []);
  t.same(only(bench.step({ type: "read", context: 3n }), "read-dropped"), [
    { type: "read-dropped", context: 3n },
  ]);
  const answer = {
    type: "heartbeat-response",
    from: m(2),
    to: m(1),
    term: bench.raft.term,
    round: 2,
  } as const;
  const ready = only(bench.step({ type: "receive", message: answer }), "read-ready");
  t.same(ready, [
    { type: "read-ready", context: 1n, index: 1 },
    { type: "read-ready", context: 2n, index: 1 },
  ]);
  t.same(bench.raft.reads.pending, 0);
});

test("a forwarded read that nobody answers is dropped after an election timeout", async (t) => {
  const bench = new Bench();
  const message = {
    type: "heartbeat",
    from: m(2),
    to: m(1),
    term: Term(1),
    commit: Index(0),
    round: 0,
  } as const;
  bench.step({ type: "receive", message });
  t.match(only(bench.step({ type: "read", context: 5n }), "send"), [
    { message: { type: "read-index", to: 2n } },
  ]);
  bench.now += 999;
  bench.step({ type: "receive", message });
  t.same(only(bench.step({ type: "wake" }), "read-dropped"), []);
  bench.now += 1;
  t.same(only(bench.step({ type: "wake" }), "read-dropped"), [{ type: "read-dropped", context: 5n }]);
});

test("a snapshot that the log holds already is not asked for", async (t) => {
  const leader = new Bench({ id: m(2), configuration: votersOnly(members(2)) });
  leader.persist();
  leader.persist();
  leader.step({ type: "applied", index: Index(1) });
  const announcement = { ...installSnapshot(leader.raft, m(1), Index(1))!, term: Term(1) };
  const follower = new Bench({ entries: entries("1@1 2@1") });
  t.notOk(isSnapshotNeeded(follower.raft, announcement.snapshot));
  const effects = follower.step({ type: "receive", message: announcement });
  t.same(only(effects, "expect-snapshot"), []);
  t.match(only(effects, "send-after-persist"), [{ message: { success: true, matchIndex: 1 } }]);
  const fresh = new Bench();
  t.match(only(fresh.step({ type: "receive", message: announcement }), "expect-snapshot"), [{ from: 2n }]);
});

test("only the leader of a term announces a snapshot in it", async (t) => {
  const former = new Bench({ entries: entries("1@1 2@1") });
  t.equal(installSnapshot(former.raft, m(2), Index(0)), null, "a follower announces nothing");
  const announced = (from: number): Message => ({
    type: "install-snapshot",
    from: m(from),
    to: m(1),
    term: Term(3),
    snapshot: { ...entryId("9@2"), configuration: configuration([1, 2, 3]) },
  });
  const follower = new Bench();
  follower.step({
    type: "receive",
    message: { type: "heartbeat", from: m(2), to: m(1), term: Term(3), commit: Index(0), round: 0 },
  });
  const effects = follower.step({ type: "receive", message: announced(3) });
  t.same([only(effects, "expect-snapshot"), only(effects, "role-changed")], [[], []]);
  t.equal(follower.raft.leader, m(2));
  t.match(only(follower.step({ type: "receive", message: announced(2) }), "expect-snapshot"), [{ from: 2n }]);

  const leader = new Bench({ hardState: { term: Term(2), vote: null, commit: Index(0) } }).lead();
  t.equal(leader.raft.term, 3);
  t.throws(() => leader.step({ type: "receive", message: announced(2) }), /a term has one leader/);
});

test("a follower's proposals of one turn leave in messages no larger than an append", async (t) => {
  const bench = new Bench({ maxAppendBytes: 300 });
  const leader = { from: m(2), to: m(1), term: Term(1) };
  bench.step({ type: "receive", message: { type: "heartbeat", ...leader, commit: Index(0), round: 0 } });
  // An entry counts for its data and 32 bytes.
  const proposals = [68, 68, 68, 68, 1000, 10, 250].map(normal);
  const sends = only(bench.step({ type: "propose", proposals }), "send").map(({ message }) => message);
  const batches = sends.map((message) => (message.type === "propose" ? message.entries : []));
  t.same(
    batches.map((entries) => entries.map(({ data }) => data.length)),
    [[68, 68, 68], [68], [1000], [10], [250]],
  );
  t.same(batches.flat(), proposals, "all of them, in order");
  t.same(only(bench.step({ type: "propose", proposals: [] }), "send"), [], "nothing is nothing");
});
