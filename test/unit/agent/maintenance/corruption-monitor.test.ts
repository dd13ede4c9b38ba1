import { test } from "tap";
import { CorruptionMonitor } from "../../../../src/agent/maintenance/corruption-monitor.ts";
import { Hasher, type KvHash } from "../../../../src/agent/maintenance/hasher.ts";
import { MemberId } from "../../../../src/base/ids.ts";
import { silent } from "../../../../src/base/ports.ts";
import { PeerError } from "../../../../src/host/peer/errors.ts";
import { KvError } from "../../../../src/store/errors.ts";

const self = MemberId(1n);

function answer(revision: number, hash: number, compactRevision = -1): KvHash {
  return { hash, compactRevision, hashRevision: revision, revision };
}

/** A leader of three. `peers` answers for the others; `asked` is every hash that was computed, as "member@revision". */
function world(peers: (member: number, revision: number) => KvHash | Promise<KvHash>) {
  const state = {
    leads: true,
    revision: 10,
    compactRevision: 0,
    members: [1n, 2n, 3n],
    own: (revision: number): KvHash | Promise<KvHash> => answer(revision, 7, state.compactRevision || -1),
    barrier: async (): Promise<void> => {},
  };
  const asked: string[] = [];
  const raised: bigint[] = [];
  const hasher = new Hasher({
    timed: (work) => work(),
    hashKv: async (revision) => {
      asked.push(`1@${revision}`);
      return state.own(revision);
    },
  });
  const monitor = new CorruptionMonitor({
    self,
    logger: silent,
    hasher,
    ask: async (member, method, revision) => {
      asked.push(`${member}@${revision}`);
      if (method !== "hash-kv-settled") throw new Error("whoever may be behind is not compared");
      return peers(Number(member), revision);
    },
    members: () => state.members.map(MemberId),
    isLeader: () => state.leads,
    revision: () => state.revision,
    compactRevision: () => state.compactRevision,
    barrier: () => state.barrier(),
    isRaised: (member) => raised.includes(member),
    raise: async (member) => raised.push(member),
  });
  return { monitor, state, asked, raised };
}

const away = (member: number): never => {
  throw new PeerError("gone", { code: "peer.disconnected", peer: MemberId(BigInt(member)) });
};

test("what raises the alarm, and what must not", async (t) => {
  type Peers = Parameters<typeof world>[0];
  const same = (revision: number): KvHash => answer(revision, 7);
  const cases: [why: string, raised: bigint[], peers: Peers][] = [
    ["all are equal", [], (_, revision) => same(revision)],
    ["the odd one", [3n], (member, revision) => (member === 3 ? answer(revision, 8) : same(revision))],
    ["this one is the odd one", [1n], (_, revision) => answer(revision, 8)],
    ["one against one, the third is away", [0n], (member, at) => (member === 3 ? away(3) : answer(at, 8))],
    ["who is away is not judged", [], away],
    ["nor who was compacted meanwhile", [], (_, revision) => answer(revision, 8, 9)],
    [
      "nor who cannot say that revision any more, has too much to do, or receives a snapshot",
      [],
      (member) => {
        throw new KvError(member === 2 ? "kv.compacted" : "kv.unavailable");
      },
    ],
    [
      "a member that lacks what was committed",
      [2n],
      (member, revision) => {
        if (member === 2) throw new KvError("kv.future-revision");
        return same(revision);
      },
    ],
  ];
  for (const [why, expected, peers] of cases) {
    const { monitor, raised } = world(peers);
    await monitor.check();
    t.same(raised, expected, why);
    await monitor.check();
    t.same(raised, expected, `${why}; once`);
  }
});

test("who does not lead, or cannot know that it does, compares nothing", async (t) => {
  const { monitor, state, asked, raised } = world((_, revision) => answer(revision, 8));
  state.leads = false;
  await monitor.check();
  state.leads = true;
  state.barrier = async () => {
    throw new KvError("kv.timeout-leader-lost");
  };
  await monitor.check();
  state.compactRevision = 5;
  await monitor.checkCompaction();
  t.same([asked, raised], [[], []]);
});

test("at a compaction everybody is compared once, and who was away when it is back", async (t) => {
  let isAway = true;
  const { monitor, state, asked, raised } = world((member, revision) =>
    member === 3 && isAway ? away(3) : answer(revision, 7, revision),
  );
  await monitor.checkCompaction();
  t.same(asked, [], "there was no compaction");
  state.compactRevision = 5;
  await monitor.checkCompaction();
  t.same(asked.splice(0), ["1@5", "2@5", "3@5"]);
  await monitor.checkCompaction();
  t.same(asked.splice(0), ["3@5"], "nobody hashes a whole store again and again");
  isAway = false;
  state.revision = 20;
  await monitor.checkCompaction();
  await monitor.checkCompaction();
  t.same(asked.splice(0), ["3@5"]);
  state.members.push(4n);
  await monitor.checkCompaction();
  t.same(asked.splice(0), ["4@5"], "a new member");
  state.compactRevision = 15;
  await monitor.checkCompaction();
  t.same(asked.splice(0), ["1@15", "2@15", "3@15", "4@15"]);
  t.same(raised, []);
});

test("a compaction in between is no difference", async (t) => {
  const { monitor, state, asked, raised } = world((_, revision) => answer(revision, 8, 6));
  state.compactRevision = 5;
  state.own = () => {
    state.compactRevision = 6;
    throw new KvError("kv.compacted");
  };
  await monitor.checkCompaction();
  t.same(asked.splice(0), ["1@5"]);
  state.own = (revision) => answer(revision, 8, 6);
  await monitor.checkCompaction();
  t.same(asked, ["1@6", "2@6", "3@6"]);
  t.same(raised, []);
});

test("a check does not overtake itself, nor hold up the other", async (t) => {
  const gate = Promise.withResolvers<KvHash>();
  const { monitor, state, asked } = world((_, revision) => answer(revision, 7, 5));
  state.compactRevision = 5;
  state.own = (revision) => (revision === 10 ? gate.promise : answer(revision, 7, 5));
  const checks = [monitor.check(), monitor.check(), monitor.checkCompaction()];
  await new Promise((resolve) => setImmediate(resolve));
  gate.resolve(answer(10, 7, 5));
  await Promise.all(checks);
  t.same(asked.sort(), ["1@10", "1@5", "2@10", "2@5", "3@10", "3@5"]);
});
