/** Changes of membership on the leader, with a raft that stands still: what it waits for, whom it trusts, who gets a vote. */
import { test } from "tap";
import { encodeForwarded } from "../../../../src/agent/membership/forwarded.ts";
import { MembershipLeader } from "../../../../src/agent/membership/leader.ts";
import { MemberId } from "../../../../src/base/ids.ts";
import type { Logger } from "../../../../src/base/ports.ts";
import { decodeConfiguration } from "../../../../src/raft/configuration.ts";
import { type AdminRequest, adminRpcs } from "../../../../src/store/admin.ts";
import { KvError } from "../../../../src/store/errors.ts";
import type { Caller, Member } from "../../../../src/store/kv.ts";
import { HandClock, settled } from "../../../support/hand-clock.ts";

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };
const timeoutMs = 7000;

function member(id: number, { name = `m${id}`, isLearner = false } = {}): Member {
  return { ID: BigInt(id), name, peerURLs: [`http://h${id}:1`], clientURLs: [], isLearner };
}

/** A leader of members 1 and 2 whose entries are applied when the test says so. */
function leading(members: Member[] = [member(1), member(2)]) {
  const clock = new HandClock();
  const proposed: string[] = [];
  const raft = {
    configurations: {
      inForce: { voters: [1n, 2n].map(MemberId), votersOutgoing: [], learners: [] as MemberId[] },
      inForceSince: 5,
    },
    commit: 10,
    log: { lastIndex: 10 },
    limits: { electionMs: 1000 },
    now: 0,
    progress: new Map<MemberId, { match: number; heardAt: number }>(),
  };
  const store = {
    appliedIndex: 10,
    members: {
      list: () => members,
      get: (id: bigint) => members.find((each) => each.ID === id),
      isRemoved: () => false,
    },
    auth: {
      access: {
        root(caller: Caller | undefined) {
          if (caller && caller.user !== "root") throw new KvError("auth.permission-denied");
        },
      },
    },
  };
  const describe = (data: Uint8Array): void => {
    const { voters, learners } = decodeConfiguration(data)!;
    proposed.push(`${voters.join()}|${learners.length > 0 ? "and learners" : ""}`);
  };
  const shell = { role: "leader", term: 3, propose: describe };
  const pending = {
    submit: async (encode: (id: bigint) => Uint8Array) => {
      describe(encode(1n));
      return { header: undefined, member: undefined, members };
    },
  };
  const options = {
    clusterState: "new" as const,
    strictReconfigCheck: false,
    learnersMax: 1,
    clusterToken: "t",
    requestBytesMax: 1_500_000,
    timeoutMs,
  };
  const modules = {
    raft,
    store,
    shell,
    pending,
    barrier: async () => {},
    connections: { isHealthy: () => true, isConnected: () => true },
    clock,
    logger: silent,
  };
  const leader = new MembershipLeader(
    options,
    modules as unknown as ConstructorParameters<typeof MembershipLeader>[1],
  );
  return { leader, raft, store, shell, clock, proposed, modules };
}

function addition(url: string, isLearner = false, caller?: Caller): Uint8Array {
  const request: AdminRequest<"MemberAdd"> = { peerURLs: [url], isLearner };
  return encodeForwarded(caller, adminRpcs.MemberAdd.request.encode(request));
}

test("a change is planned from a table that knows of every change that is in force", async (t) => {
  const { leader, raft, store, clock, proposed } = leading();
  // The one before was given up by its client, is committed since, and not applied here yet.
  raft.configurations.inForceSince = 10;
  store.appliedIndex = 9;
  const answer = leader.answer("MemberAdd", addition("http://h3:1"));
  await clock.advance(100);
  t.strictSame(proposed, []);
  store.appliedIndex = 10;
  await clock.advance(100);
  await answer;
  t.strictSame(proposed, ["1,2|and learners"]);
});

test("a leader that lost its term while it waited plans nothing", async (t) => {
  const { leader, store, raft, shell, clock, proposed } = leading();
  raft.configurations.inForceSince = 10;
  store.appliedIndex = 9;
  const refused = t.rejects(leader.answer("MemberAdd", addition("http://h3:1")), {
    code: "kv.leader-changed",
  });
  await clock.advance(50);
  shell.term = 5;
  store.appliedIndex = 10;
  await clock.advance(50);
  await refused;
  t.strictSame(proposed, []);
});

test("what waited for its turn for longer than its client does is not begun", async (t) => {
  const { leader, raft, clock, proposed } = leading();
  raft.configurations.inForceSince = 11;
  const first = leader.answer("MemberAdd", addition("http://h3:1"));
  const second = leader.answer("MemberAdd", addition("http://h4:1"));
  const refused = Promise.all([first, second].map((each) => t.rejects(each, { code: "kv.timeout" })));
  await clock.advance(timeoutMs + 1);
  raft.configurations.inForceSince = 5;
  await clock.advance(100);
  await refused;
  t.strictSame(proposed, []);
});

test("the leader judges the caller once more, with all that was acknowledged", async (t) => {
  const { leader, proposed } = leading();
  const ann = { user: "ann", authRevision: 3 };
  await t.rejects(leader.answer("MemberAdd", addition("http://h3:1", false, ann)), {
    code: "auth.permission-denied",
  });
  await leader.answer("MemberAdd", addition("http://h3:1", false, { user: "root", authRevision: 3 }));
  t.equal(proposed.length, 1);
});

test("a change that no peer could take as one message is refused", async (t) => {
  const { leader, proposed } = leading();
  await t.rejects(leader.answer("MemberAdd", addition(`http://${"h".repeat(1_600_000)}:1`)), {
    code: "kv.request-too-large",
  });
  t.strictSame(proposed, []);
});

test("no vote for a member that has not said its name: it could lose its data and begin anew", async (t) => {
  const unnamed = leading([member(1), member(2), member(3, { name: "" })]);
  const named = leading([member(1), member(2), member(3)]);
  for (const { raft, leader, clock } of [unnamed, named]) {
    raft.configurations.inForce.learners = [MemberId(3n)];
    raft.progress.set(MemberId(3n), { match: 10, heardAt: 0 });
    leader.consider();
    await clock.advance(150);
    leader.close();
  }
  t.strictSame(unnamed.proposed, []);
  t.strictSame(named.proposed, ["1,2,3|"]);
});

test("nor is such a learner promoted", async (t) => {
  const promote = (name: string): Promise<Uint8Array> => {
    const { leader, raft } = leading([member(1), member(2), member(3, { name, isLearner: true })]);
    raft.configurations.inForce.learners = [MemberId(3n)];
    raft.progress.set(MemberId(3n), { match: 10, heardAt: 0 });
    const body = encodeForwarded(undefined, adminRpcs.MemberPromote.request.encode({ ID: 3n }));
    return leader.answer("MemberPromote", body);
  };
  await t.rejects(promote(""), { code: "kv.learner-not-ready" });
  t.ok(await promote("m3"));
  await settled();
});
