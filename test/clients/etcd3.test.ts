/** The npm library etcd3, unmodified, against a whole agent and against Debian's etcd. */
import { rmSync } from "node:fs";
import { Etcd3 } from "etcd3";
import { type Test, test } from "tap";
import { etcdMissing, freePort, startEtcd } from "../compat/etcd.ts";
import { startCluster } from "../support/agents.ts";
import { etcd3Checks, type Restartable } from "./etcd3-checks.ts";

async function runChecks(t: Test, server: Restartable): Promise<void> {
  for (const [name, check] of Object.entries(etcd3Checks)) {
    await t.test(name, { timeout: 60_000 }, async (checkTest) => {
      const client = new Etcd3({ hosts: server.endpoint });
      checkTest.teardown(() => client.close());
      await check(checkTest, client, server);
    });
  }
}

test("etcd3 with argosy", { timeout: 170_000 }, async (t) => {
  const cluster = await startCluster(1);
  t.teardown(() => cluster.close());
  const agent = cluster.agents[0]!;
  const restart = async (): Promise<void> => {
    await agent.stop();
    await agent.start();
  };
  await runChecks(t, { endpoint: agent.endpoint, restart });
});

test("etcd3 with etcd", { skip: etcdMissing, timeout: 170_000 }, async (t) => {
  const port = await freePort();
  let etcd = await startEtcd({ port, keep: true });
  const { directory, endpoint } = etcd;
  t.teardown(async () => {
    await etcd.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const restart = async (): Promise<void> => {
    await etcd.stop();
    etcd = await startEtcd({ port, directory, keep: true });
  };
  await runChecks(t, { endpoint, restart });
});
