import fc from "fast-check";
import { test } from "tap";
import {
  type ClusterView,
  clusterViewJson,
  parseClusterView,
} from "../../../../src/agent/membership/cluster-view.ts";
import { assertFirstStart } from "../../../../src/agent/membership/first-start.ts";
import { identify, JoinError, joinCluster } from "../../../../src/agent/membership/join.ts";
import { checkedPeerUrls } from "../../../../src/agent/membership/peer-urls.ts";
import {
  awaitingVote,
  planAdd,
  planPromote,
  planRemove,
  planUpdate,
  promoteInRaft,
  type Standing,
} from "../../../../src/agent/membership/plan.ts";
import { checkAdd, checkPromote, checkRemove } from "../../../../src/agent/membership/reconfig-check.ts";
import { ClusterId, MemberId } from "../../../../src/base/ids.ts";
import { mayFollow } from "../../../../src/raft/configuration.ts";
import type { Member } from "../../../../src/store/kv.ts";

/** `1` a started voter, `2-` one that has not started, `3?` a learner. */
function members(text: string): Member[] {
  return text
    .split(" ")
    .filter(Boolean)
    .map((word) => {
      const id = BigInt(word.replace(/[-?]/g, ""));
      const peerURLs = [`http://h${id}:1`];
      return {
        ID: id,
        name: /[-?]/.test(word) ? "" : `m${id}`,
        peerURLs,
        clientURLs: [],
        isLearner: word.endsWith("?"),
      };
    });
}

const ids = (...list: number[]): MemberId[] => list.map((id) => MemberId(BigInt(id)));

function standing(text: string, voters: MemberId[], learners: MemberId[] = []): Standing {
  const configuration = { voters, votersOutgoing: [], learners };
  return { members: members(text), isRemoved: (id) => id === 99n, configuration };
}

test("given peer URLs -> sorted, or refused", async (t) => {
  t.strictSame(checkedPeerUrls(["http://b:2380", "https://[::1]:1"]), ["http://b:2380", "https://[::1]:1"]);
  t.strictSame(checkedPeerUrls(["http://b:80", "http://a:80"]), ["http://a:80", "http://b:80"]);
  for (const bad of [
    [],
    [""],
    ["a:1"],
    ["http://a"],
    ["http://a:1/"],
    ["http://a:1?x"],
    ["ftp://a:1"],
    ["http://u@a:1"],
  ]) {
    t.throws(() => checkedPeerUrls(bad), { code: "kv.member-urls-invalid" }, JSON.stringify(bad));
  }
});

test("what --strict-reconfig-check says", async (t) => {
  const connected = (...peers: number[]) => {
    const has = (id: MemberId): boolean => ids(...peers).includes(id);
    return { isHealthy: has, isConnected: has };
  };
  const verdict = (check: () => void): string => {
    try {
      check();
      return "ok";
    } catch (error) {
      return (error as { code: string }).code;
    }
  };
  const few = "kv.not-enough-started-members";
  const sick = "kv.unhealthy-cluster";
  for (const [given, healthy, expected] of [
    ["1", [1], "ok"],
    ["1 2-", [1], few],
    ["1 2", [1, 2], "ok"],
    ["1 2", [1], sick],
    ["1 2 3-", [1, 2], few],
    ["1 2 3", [1, 2, 3], "ok"],
    ["1 2 3 4-", [1, 2, 3], sick],
    ["1 2 3 4?", [1, 2, 3], "ok"],
  ] as const) {
    t.equal(
      verdict(() => checkAdd(members(given), false, connected(...healthy))),
      expected,
      `add to ${given}`,
    );
  }
  t.equal(
    verdict(() => checkAdd(members("1 2-"), true, connected(1))),
    sick,
    "a learner needs no quorum",
  );
  for (const [given, id, healthy, expected] of [
    ["1", 1n, [1], few],
    ["1", 7n, [1], "ok"],
    ["1 2", 2n, [1, 2], "ok"],
    ["1 2-", 1n, [1], few],
    ["1 2 3", 3n, [1, 2, 3], "ok"],
    ["1 2 3", 3n, [1, 2], "ok"],
    ["1 2 3", 2n, [1, 2], sick],
    ["1 2- 3?", 3n, [1], "ok"],
  ] as const) {
    t.equal(
      verdict(() => checkRemove(members(given), MemberId(id), connected(...healthy))),
      expected,
      `${id} of ${given}`,
    );
  }
  t.equal(
    verdict(() => checkPromote(members("1 2-"))),
    "ok",
  );
  t.equal(
    verdict(() => checkPromote(members("1 2- 3-"))),
    few,
  );
});

test("plans: members and configuration after a change", async (t) => {
  const three = standing("1 2 3", ids(1, 2, 3));
  const added = members("4-")[0]!;
  t.match(planAdd(three, added, 1), { configuration: { voters: ids(1, 2, 3), learners: ids(4) } });
  t.throws(() => planAdd(three, members("2")[0]!, 1), { code: "kv.member-exists" });
  t.throws(() => planAdd(three, members("99")[0]!, 1), { code: "kv.member-exists" }, "ids never come back");
  t.throws(() => planAdd(three, { ...added, peerURLs: ["http://h1:1"] }, 1), { code: "kv.peer-urls-exist" });
  const learning = standing("1 2 4?", ids(1, 2), ids(4));
  t.throws(() => planAdd(learning, members("5?")[0]!, 1), { code: "kv.too-many-learners" });
  t.match(planAdd(learning, members("5?")[0]!, 2).configuration, { learners: ids(4, 5) });
  const full = standing("1", ids(1), ids(...Array.from({ length: 1000 }, (_, i) => i + 10)));
  t.throws(() => planAdd(full, added, 2), { code: "kv.too-many-learners" }, "as many as raft can list");
  t.match(planRemove(three, MemberId(2n)), { change: { removed: 2n }, configuration: { voters: ids(1, 3) } });
  t.match(planRemove(learning, MemberId(4n)).configuration, { voters: ids(1, 2), learners: [] });
  t.throws(() => planRemove(three, MemberId(9n)), { code: "kv.member-not-found" });
  t.throws(() => planRemove(standing("1 2", ids(1), ids(2)), MemberId(1n)), { code: "kv.unhealthy-cluster" });
  t.match(planPromote(learning, MemberId(4n)), {
    change: { member: { ID: 4n, isLearner: false } },
    configuration: { voters: ids(1, 2, 4), learners: [] },
  });
  t.throws(() => planPromote(learning, MemberId(1n)), { code: "kv.not-a-learner" });
  t.match(planUpdate(three, MemberId(2n), ["http://new:1"]), {
    change: { member: { ID: 2n, peerURLs: ["http://new:1"] } },
  });
  t.doesNotThrow(() => planUpdate(three, MemberId(2n), ["http://h2:1"]), "its own");
  t.throws(() => planUpdate(three, MemberId(2n), ["http://h1:1"]), { code: "kv.peer-urls-exist" });
});

test("law: raft takes every configuration that is planned, and voters to clients vote or wait for it", async () => {
  const step = fc.record({
    what: fc.constantFrom("add", "learner", "remove", "promote", "vote"),
    id: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let now = standing("1", ids(1));
      for (const { what, id } of steps) {
        const given = now;
        const member = MemberId(BigInt(id));
        const next = (): Standing => {
          if (what === "vote") {
            const waiting = awaitingVote(given.members, given.configuration)[0];
            if (waiting === undefined) return given;
            return { ...given, configuration: promoteInRaft(given.configuration, waiting) };
          }
          const plan =
            what === "remove"
              ? planRemove(given, member)
              : what === "promote"
                ? planPromote(given, member)
                : planAdd(given, members(what === "add" ? `${id}-` : `${id}?`)[0]!, 2);
          return { ...given, members: plan.change.members, configuration: plan.configuration };
        };
        try {
          now = next();
        } catch (error) {
          if ((error as Error).name === "KvError") continue;
          throw error;
        }
        if (now !== given && !mayFollow(given.configuration, now.configuration)) return false;
        const counted = [...now.configuration.voters, ...now.configuration.learners].sort().join();
        if (
          counted !==
          now.members
            .map((each) => each.ID)
            .sort()
            .join()
        )
          return false;
        const clientLearners = now.members.filter((each) => each.isLearner).map((each) => each.ID);
        if (clientLearners.some((each) => now.configuration.voters.includes(MemberId(each)))) return false;
      }
      return true;
    }),
  );
});

test("who a newcomer is", async (t) => {
  const view = { clusterId: ClusterId(7n), members: members("1 2-") };
  const initial = [1, 2].map((id) => ({ name: `m${id}`, peerUrls: [`http://h${id}:1`] }));
  t.match(identify("m2", initial, view), { clusterId: 7n, memberId: 2n, joined: true });
  t.match(identify("m2", initial, { ...view, members: members("1") }), { code: "join.mismatch" });
  t.match(identify("m2", initial, { ...view, members: members("1 2- 3") }), { code: "join.mismatch" });
  t.match(identify("m2", initial, { ...view, members: members("1 2") }), { code: "join.lost" });
  t.strictSame(parseClusterView(JSON.stringify(clusterViewJson(view))), view);
  for (const bad of ["", "[]", "{}", '{"clusterId":"7","members":[{}]}', '{"clusterId":"x","members":[]}']) {
    t.equal(parseClusterView(bad), null, bad);
  }
});

test("a member without data that has started before does not begin anew", async (t) => {
  const initial = [1, 2, 3].map((id) => ({ name: `m${id}`, peerUrls: [`http://h${id}:1`] }));
  const self = { clusterId: ClusterId(7n), memberId: MemberId(3n), joined: false, members: [] };
  const said = (views: readonly (ClusterView | null)[]) => ({
    ask: async (url: string) => {
      const view = views[["http://h1:1", "http://h2:1"].indexOf(url)];
      if (view === null) throw new Error("down");
      return view ?? null;
    },
  });
  const young = { clusterId: ClusterId(7n), members: members("1- 2- 3-") };
  const old = { clusterId: ClusterId(7n), members: members("1 2 3") };
  const stranger = { clusterId: ClusterId(8n), members: members("1 2 3") };
  for (const views of [
    [null, null],
    [young, null],
    [stranger, young],
  ]) {
    await t.resolves(assertFirstStart("m3", initial, self, said(views)));
  }
  for (const views of [
    [old, null],
    [null, old],
    [young, old],
  ]) {
    await t.rejects(assertFirstStart("m3", initial, self, said(views)), { code: "join.lost" });
  }
});

test("a newcomer asks all, and again: a follower may not have heard of it yet", async (t) => {
  const initial = [1, 2, 3].map((id) => ({ name: `m${id}`, peerUrls: [`http://h${id}:1`] }));
  const late = { clusterId: ClusterId(7n), members: members("1 2") };
  const asked: string[] = [];
  let pauses = 0;
  const modules = {
    ask: async (url: string) => {
      asked.push(url);
      if (url === "http://h1:1") throw new Error("down");
      return pauses < 2 ? late : { ...late, members: members("1 2 3-") };
    },
    pause: async () => void pauses++,
  };
  t.match(await joinCluster("m3", initial, modules), { memberId: 3n });
  t.strictSame(asked.slice(0, 2), ["http://h1:1", "http://h2:1"]);
  const nobody = { ask: () => Promise.reject(new Error("down")), pause: async () => {} };
  await t.rejects(joinCluster("m3", initial, nobody), { code: "join.unreachable" });
  await t.rejects(joinCluster("m3", [initial[2]!], nobody), JoinError);
});
