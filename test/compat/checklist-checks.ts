/** Those checks of the acceptance checklist (checklist.test.ts) that are made for it alone. */
import type { Test } from "tap";
import { startCluster } from "../support/agents.ts";
import { seededRandom } from "../support/random.ts";
import { AgentProcess } from "./suite/agent-process.ts";
import { SuiteClient } from "./suite/client.ts";

async function oneAgent(t: Test): Promise<{ endpoint: string; client: SuiteClient }> {
  const cluster = await startCluster(1);
  t.teardown(() => cluster.close());
  const { endpoint } = cluster.agents[0]!;
  const client = new SuiteClient(endpoint);
  t.teardown(() => client.close());
  return { endpoint, client };
}

interface Watched {
  readonly events: ReadonlyArray<{ kv: { mod_revision: number; key: Uint8Array } }>;
}

/** No gap, no duplicate, revisions whole: every revision from 2 on, two keys each. */
export async function watchOfEverything(t: Test): Promise<void> {
  const { client } = await oneAgent(t);
  const twoPuts = async (i: number): Promise<void> => {
    const put = (key: string) => ({ request_put: { key: Buffer.from(key), value: Buffer.from(`${i}`) } });
    await client.call("Txn", { success: [put(`a${i % 100}`), put(`b${i % 100}`)] });
  };
  const many = async (from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i += 100) {
      await Promise.all(Array.from({ length: Math.min(100, to - i) }, (_, j) => twoPuts(i + j)));
    }
  };
  await many(0, 5000);
  const stream = client.stream("Watch");
  stream.send({ create_request: { key: Buffer.from([0]), range_end: Buffer.from([0]), start_revision: 1 } });
  await stream.next();
  const writing = many(5000, 6000);
  const seen: number[] = [];
  let whole = true;
  while (seen.length < 12_000) {
    const { events } = (await stream.next()) as Watched;
    const revisions = events.map(({ kv }) => kv.mod_revision);
    seen.push(...revisions);
    // Both events of the last revision are in the same message.
    whole &&= revisions.filter((revision) => revision === revisions.at(-1)).length === 2;
  }
  await writing;
  stream.cancel();
  const expected = Array.from({ length: 12_000 }, (_, i) => 2 + Math.floor(i / 2));
  t.ok(
    seen.every((revision, i) => revision === expected[i]),
    "each revision once, in order",
  );
  t.ok(whole, "revisions are whole");
}

/** 64-bit numbers as strings, bytes as base64, errors as the superset of what clients read. */
export async function gatewayNumbers(t: Test): Promise<void> {
  const { endpoint } = await oneAgent(t);
  const post = async (
    path: string,
    body: object,
  ): Promise<{ status: number; body: Record<string, unknown> }> => {
    const response = await fetch(`http://${endpoint}${path}`, { method: "POST", body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const put = await post("/v3/kv/put", { key: "YQ==", value: "MQ==" });
  t.equal((put.body.header as Record<string, unknown>).revision, "2");
  const range = await post("/v3/kv/range", { key: "YQ==" });
  t.match(range.body, { count: "1", kvs: [{ key: "YQ==", value: "MQ==", mod_revision: "2", version: "1" }] });
  const refused = await post("/v3/kv/range", {});
  const text = "etcdserver: key is not provided";
  t.equal(refused.status, 400);
  t.match(refused.body, { error: text, message: text, code: 3 });
}

/** Patroni splits the version at its dots; kube-apiserver wants 3.5.13 or later. */
export async function versionAndHealth(t: Test): Promise<void> {
  const { endpoint } = await oneAgent(t);
  const version = (await (await fetch(`http://${endpoint}/version`)).json()) as Record<string, string>;
  t.match(version, { etcdserver: /^\d+\.\d+\.\d+$/, etcdcluster: /^\d+\.\d+\.\d+$/ });
  const [major, minor, patch] = version.etcdserver!.split(".").map(Number);
  t.ok(major === 3 && minor === 5 && patch! >= 13, "3.5, at least 3.5.13");
  const health = (await (await fetch(`http://${endpoint}/health`)).json()) as Record<string, string>;
  t.equal(health.health, "true");
}

/** Killed again and again while clients write: what was acknowledged is there, at the revision that was told. */
export async function killed(t: Test): Promise<void> {
  const agent = await AgentProcess.make();
  t.teardown(() => agent.close());
  const random = seededRandom(19);
  const acknowledged = new Map<string, number>();
  for (let round = 0; round < 3; round++) {
    await agent.start();
    const client = new SuiteClient(agent.endpoint);
    let stopping = false;
    const write = async (writer: number): Promise<void> => {
      for (let i = 0; !stopping; i++) {
        const key = `${round}/${writer}/${i}`;
        const { messages, status } = await client.call("Put", {
          key: Buffer.from(key),
          value: Buffer.from(key),
        });
        if (status.code !== 0) return;
        acknowledged.set(key, (messages[0] as { header: { revision: number } }).header.revision);
      }
    };
    const writers = Array.from({ length: 20 }, (_, i) => write(i));
    const goal = acknowledged.size + 200 + random.below(1000);
    while (acknowledged.size < goal) await new Promise((resolve) => setImmediate(resolve));
    await agent.kill();
    stopping = true;
    await Promise.all(writers);
    client.close();
  }
  await agent.start();
  const client = new SuiteClient(agent.endpoint);
  const all = { key: Buffer.from([0]), range_end: Buffer.from([0]) };
  const { messages } = await client.call("Range", all);
  client.close();
  const kvs = (messages[0] as { kvs: Array<{ key: Uint8Array; mod_revision: number }> }).kvs;
  const stored = new Map(kvs.map(({ key, mod_revision }) => [Buffer.from(key).toString(), mod_revision]));
  const lost = [...acknowledged].filter(([key, revision]) => stored.get(key) !== revision);
  t.same(lost, [], `${acknowledged.size} acknowledged writes`);
}

/** Once, as a whole JSON line: tools wait for it. */
export async function readyLine(t: Test): Promise<void> {
  const agent = await AgentProcess.make();
  t.teardown(() => agent.close());
  await agent.start();
  const lines = agent.log.split("\n").filter((line) => line.includes("ready to serve client requests"));
  t.equal(lines.length, 1);
  t.equal((JSON.parse(lines[0]!) as { msg: string }).msg, "ready to serve client requests");
}

/** The first bytes of a connection tell which it is. */
export async function onePort(t: Test): Promise<void> {
  const { endpoint, client } = await oneAgent(t);
  t.equal((await fetch(`http://${endpoint}/version`)).status, 200);
  t.equal((await client.call("Status", {})).status.code, 0);
}
