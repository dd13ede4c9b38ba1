/** The same session with auth against Debian's etcd and against ours: a cluster of one, and a follower of three. */
import { test } from "tap";
import { startCluster } from "../support/agents.ts";
import { playAuth } from "./auth-story.ts";
import { etcdctlMissing, etcdMissing, startEtcd } from "./etcd.ts";

const skip = etcdMissing || etcdctlMissing;

/** What etcd prints since 3.5 (etcd.md 9.7): role root shows what it may, which is everything. */
const rootRole = "Role root\nKV Read:\n\t[, <open ended> (prefix )\nKV Write:\n\t[, <open ended> (prefix )\n";

for (const members of [1, 3]) {
  const name = `etcdctl prints the same about auth against etcd and against a cluster of ${members}`;
  test(name, { skip, timeout: 120_000 }, async (t) => {
    const oracle = await startEtcd();
    t.teardown(() => oracle.stop());
    const cluster = await startCluster(members, { "bcrypt-cost": "4" });
    t.teardown(() => cluster.close());
    const follower = cluster.agents.find(({ agent }) => agent.server?.shell.role === "follower");
    const { endpoint } = follower ?? cluster.agents[0]!;
    const [expected, actual] = await Promise.all([playAuth(oracle.endpoint), playAuth(endpoint)]);
    for (const [i, step] of expected.entries()) {
      const command = step.split("\n")[0]!;
      if (members === 3 && command.startsWith("$ etcdctl member list")) continue;
      const isRoot = /role get root.*-> 0$/.test(command);
      t.equal(actual[i], isRoot ? `${command}\n${rootRole}` : step, command);
    }
  });
}
