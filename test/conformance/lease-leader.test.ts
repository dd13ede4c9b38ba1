/** Leases while leaders come and go (etcd.md 6, checklist 12): no lease ends before its time, no client hears of the change. */
import { test } from "tap";
import { silent } from "../../src/base/ports.ts";
import { systemClock } from "../../src/host/clock.ts";
import { RemoteKv } from "../../src/host/kv-remote/remote-kv.ts";
import { startProcesses } from "../support/agent-processes.ts";
import { startCluster } from "../support/agents.ts";

const key = (name: string): Buffer => Buffer.from(name);
const fast = { "heartbeat-interval": "50", "election-timeout": "500" };

test("the leader is killed: leases that are kept alive live on, the others have all their time", async (t) => {
  const cluster = await startProcesses(3, fast);
  t.teardown(() => cluster.close());
  const remote = (endpoints: readonly string[]): RemoteKv =>
    new RemoteKv({ endpoints, requestTimeoutMs: 7000 }, { clock: systemClock, logger: silent });
  const clients = cluster.endpoints.map((endpoint) => remote([endpoint]));
  t.teardown(() => Promise.all(clients.map((client) => client.close())));
  const status = await clients[0]!.status({});
  const statuses = await Promise.all(clients.map((client) => client.status({})));
  const leader = statuses.findIndex(({ header }) => header!.member_id === status.leader);
  const kv = clients[(leader + 1) % 3]!;

  const { ID: kept } = await kv.leaseGrant({ TTL: 2 });
  const { ID: left } = await kv.leaseGrant({ TTL: 4 });
  await kv.put({ key: key("kept"), lease: kept });
  await kv.put({ key: key("left"), lease: left });
  const leftAt = performance.now();

  const heard: number[] = [];
  let renewing = true;
  const renewals = (async () => {
    while (renewing) {
      heard.push((await kv.leaseKeepAlive({ ID: kept })).TTL);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  await cluster.kill(leader);
  // Events tell when the lease that nobody renews has ended.
  const ended = Promise.withResolvers<number>();
  const watch = kv.openWatch({
    deliver: ({ events }) => {
      if (events.some(({ type }) => type === 1)) ended.resolve(performance.now());
      return true;
    },
    closed: () => {},
  });
  watch.create({ key: key("left") });
  const endedAt = await ended.promise;
  watch.close();
  t.ok(endedAt - leftAt >= 4000, `it lived ${Math.round(endedAt - leftAt)} ms of at least 4000`);
  t.equal((await kv.range({ key: key("kept") })).count, 1, "kept alive over the change");
  t.ok(heard.length > 5 && heard.every((ttl) => ttl === 2), `every keepalive was granted: ${heard.join()}`);
  renewing = false;
  await renewals;
  t.equal((await kv.leaseTimeToLive({ ID: left })).TTL, -1);
});

test("a leader that steps aside in good order: keepalives through every member go on", async (t) => {
  const cluster = await startCluster(3, fast);
  t.teardown(() => cluster.close());
  const leader = cluster.agents.find(({ agent }) => agent.server?.shell.role === "leader")!;
  const others = cluster.agents.filter((agent) => agent !== leader);
  const { ID } = await others[0]!.agent.kv.leaseGrant({ TTL: 2 });
  let renewing = true;
  const answers: number[] = [];
  const renewals = others.map(async ({ agent }) => {
    while (renewing) {
      answers.push((await agent.kv.leaseKeepAlive({ ID })).TTL);
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  await leader.stop();
  await leader.start();
  await leader.agent.server?.published;
  renewing = false;
  await Promise.all(renewals);
  // How many there were is the machine's affair; that each member's went on until the end is not: the loops end only here.
  t.ok(answers.length >= others.length && answers.every((ttl) => ttl === 2), `${answers.length} keepalives`);
});

test("very many leases that end together go in order, and the loop goes on", async (t) => {
  const cluster = await startCluster(1, fast);
  t.teardown(() => cluster.close());
  const { kv } = cluster.agents[0]!.agent;
  const count = 3000;
  const leases = await Promise.all(Array.from({ length: count }, () => kv.leaseGrant({ TTL: 2 })));
  await Promise.all(leases.map(({ ID }, i) => kv.put({ key: key(`k${i}`), lease: ID })));
  const gone = Promise.withResolvers<void>();
  let deletions = 0;
  let revisions = new Set<number>();
  const watch = kv.openWatch({
    deliver: ({ events }) => {
      for (const { type, kv } of events) {
        if (type !== 1) continue;
        deletions++;
        revisions = revisions.add(kv!.mod_revision);
      }
      if (deletions === count) gone.resolve();
      return true;
    },
    closed: () => {},
  });
  t.teardown(() => watch.close());
  watch.create({ key: key("k"), range_end: key("l") });
  await gone.promise;
  t.equal(revisions.size, count, "each lease in a revision of its own");
  t.equal((await kv.leaseLeases({})).leases.length, 0);
});
