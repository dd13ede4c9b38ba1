/** What a member finds after it was stopped: its log, its state, and what the others did meanwhile. */
import { test } from "tap";
import { startCluster } from "../support/agents.ts";

const key = (name: string): Buffer => Buffer.from(name);

test("a cluster that was stopped whole goes on where it was", async (t) => {
  const cluster = await startCluster(3);
  t.teardown(() => cluster.close());
  const put = await cluster.agents[0]!.agent.kv.put({ key: key("a"), value: key("1") });
  for (const agent of cluster.agents) await agent.stop();
  await Promise.all(cluster.agents.map((agent) => agent.start()));
  for (const { agent } of cluster.agents) {
    const found = await agent.kv.range({ key: key("a") });
    t.equal(found.kvs[0]?.value.toString(), "1");
    t.equal(found.kvs[0]?.mod_revision, put.header?.revision);
  }
});

test("a member that was away for longer than the log reaches gets a snapshot", async (t) => {
  const cluster = await startCluster(3, { "snapshot-count": "100" });
  t.teardown(() => cluster.close());
  const away = cluster.agents.find(({ agent }) => agent.server?.shell.role !== "leader")!;
  const { kv } = cluster.agents.find((agent) => agent !== away)!.agent;
  await away.stop();
  for (let round = 0; round < 60; round++) {
    const batch = Array.from({ length: 100 }, (_, i) =>
      kv.put({ key: key(`k${i}`), value: key(`${round}`) }),
    );
    await Promise.all(batch);
  }
  await away.start();
  const found = await away.agent.kv.range({ key: key("k"), range_end: key("l") });
  t.equal(found.count, 100);
  t.ok(
    found.kvs.every((kv) => kv.value.toString() === "59" && kv.version === 60),
    "every key has its last value and its history's version",
  );
  t.ok(away.said.includes("snapshot installed"), "and not entry by entry");
  const after = await away.agent.kv.put({ key: key("after"), value: key("x") });
  t.ok(after.header!.revision > found.header!.revision, "it takes part again");
});
