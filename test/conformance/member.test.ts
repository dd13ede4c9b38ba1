/** KvClient as the members of a real cluster of three offer it, leader and follower; and remotely through one of them. */
import { test } from "tap";
import { silent } from "../../src/base/ports.ts";
import { systemClock } from "../../src/host/clock.ts";
import { RemoteKv } from "../../src/host/kv-remote/remote-kv.ts";
import { startCluster } from "../support/agents.ts";
import { kvClientSuite } from "./kv-client.ts";

const cluster = await startCluster(3);
const leader = cluster.agents.find(({ agent }) => agent.server?.shell.role === "leader")!;
const follower = cluster.agents.find((agent) => agent !== leader)!;

kvClientSuite("the leader", async () => ({ kv: leader.agent.kv, close: async () => {} }));
kvClientSuite("a follower", async () => ({ kv: follower.agent.kv, close: async () => {} }));
kvClientSuite("RemoteKv to a follower", async () => {
  const options = { endpoints: [`http://${follower.endpoint}`], requestTimeoutMs: 7000 };
  const kv = new RemoteKv(options, { clock: systemClock, logger: silent });
  return { kv, close: async () => kv.close() };
});

test("the members hold the same state, and stop", async (t) => {
  const { revision } = (await leader.agent.kv.range({ key: Buffer.from("x") })).header!;
  for (const { agent } of cluster.agents) {
    t.equal((await agent.kv.range({ key: Buffer.from("x") })).header!.revision, revision);
  }
  await cluster.close();
});
