/** The lock and election services tell the same story as a real etcd's, whole agents included. */
import { test } from "tap";
import { startCluster } from "../support/agents.ts";
import { concurrencyStory, leaseDeathStory } from "./concurrency-story.ts";
import { etcdMissing, startEtcd } from "./etcd.ts";
import { startMemoryFront } from "./memory-front.ts";

test("our front and etcd answer alike", { skip: etcdMissing }, async (t) => {
  const [etcd, front] = [await startEtcd(), await startMemoryFront()];
  t.teardown(() => Promise.all([etcd.stop(), front.stop()]));
  t.strictSame(await concurrencyStory(front.endpoint), await concurrencyStory(etcd.endpoint));
});

test("whole agents: the same texts", async (t) => {
  const cluster = await startCluster(1);
  t.teardown(() => cluster.close());
  const [agents, front] = [cluster.agents, await startMemoryFront()];
  t.teardown(() => front.stop());
  t.strictSame(await concurrencyStory(agents[0]!.endpoint), await concurrencyStory(front.endpoint));
});

test("a lease that dies in the line: etcd 3.4 grants the lock all the same, we refuse it", async (t) => {
  const front = await startMemoryFront();
  t.teardown(() => front.stop());
  t.equal(await leaseDeathStory(front.endpoint), "error 2 etcdserver: requested lease not found");
});
