/** The same etcdctl session as etcdctl.test.ts, against whole agents: a cluster of one, and a follower of a cluster of three. */
import { test } from "tap";
import { startCluster } from "../support/agents.ts";
import { etcdctlMissing, etcdMissing, startEtcd } from "./etcd.ts";
import { play } from "./etcdctl-story.ts";

const skip = etcdMissing || etcdctlMissing;

for (const members of [1, 3]) {
  const name = `etcdctl prints the same against etcd and against a cluster of ${members}`;
  test(name, { skip, timeout: 120_000 }, async (t) => {
    const oracle = await startEtcd();
    t.teardown(() => oracle.stop());
    const cluster = await startCluster(members);
    t.teardown(() => cluster.close());
    const follower = cluster.agents.find(({ agent }) => agent.server?.shell.role === "follower");
    const { endpoint } = follower ?? cluster.agents[0]!;
    const [expected, actual] = await Promise.all([play(oracle.endpoint), play(endpoint)]);
    for (const [i, step] of expected.entries()) {
      // Of three members, three lines are listed.
      if (members === 3 && step.startsWith("$ etcdctl member list")) continue;
      t.equal(actual[i], step, step.split("\n")[0]!);
    }
  });
}
