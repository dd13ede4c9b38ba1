/** One member's data are altered on its disk, where no checksum of the database sees it: the others notice (etcd.md 17.11). */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Level } from "level";
import { type Test, test } from "tap";
import type { RunFlags } from "../../src/agent/config.ts";
import { hex } from "../../src/base/ids.ts";
import { Table } from "../../src/store/tables.ts";
import { AlarmAction, AlarmType } from "../../src/store/wire/admin-messages.ts";
import { startCluster, type TestAgent } from "../support/agents.ts";
import { until } from "../support/until.ts";

const key = Buffer.from("k");

/** Three members that hold a key, of which one, a follower, was stopped and had its value altered. */
async function damagedCluster(t: Test, flags: RunFlags) {
  const cluster = await startCluster(3, flags);
  t.teardown(() => cluster.close());
  const odd = cluster.agents.find(({ agent }) => agent.server?.shell.role !== "leader")!;
  const others = cluster.agents.filter((agent) => agent !== odd);
  await odd.agent.kv.put({ key, value: Buffer.from("good") });
  await odd.stop();
  await alterValue(odd.dataDir);
  return { odd, others };
}

/** Replaces the value by one of the same length in the row that holds it. */
async function alterValue(dataDir: string): Promise<void> {
  const current = (await readFile(join(dataDir, "db", "CURRENT"), "utf8")).trim();
  const level = new Level<Buffer, Buffer>(join(dataDir, "db", current), {
    keyEncoding: "buffer",
    valueEncoding: "buffer",
  });
  let altered = 0;
  for await (const [name, row] of level.iterator()) {
    const at = row.indexOf("good");
    if (name[0] !== Table.revision || at < 0) continue;
    const copy = Buffer.from(row);
    copy.write("evil", at);
    await level.put(name, copy);
    altered++;
  }
  await level.close();
  if (altered !== 1) throw new Error(`${altered} rows held the value`);
}

async function alarms({ agent }: TestAgent): Promise<string[]> {
  const request = { action: AlarmAction.GET, memberID: 0n, alarm: AlarmType.NONE };
  const { alarms: active } = await agent.server!.admin.call("Alarm", request);
  return active.map(({ memberID, alarm }) => `${hex(memberID)} ${alarm}`);
}

function corrupt({ agent }: TestAgent): string {
  return `${hex(agent.server!.identity.memberId)} ${AlarmType.CORRUPT}`;
}

test("--initial-corrupt-check refuses to start with other data than the others", async (t) => {
  const { odd, others } = await damagedCluster(t, { "initial-corrupt-check": "true" });
  await t.rejects(odd.start(), { code: "server.corrupt" });
  const sound = others[0]!;
  await sound.stop();
  // Only one peer is there to be compared with; the damaged one stays away.
  await sound.start();
  t.ok(sound.said.includes("no other member has other data"));
  await sound.agent.kv.put({ key, value: Buffer.from("on") });
});

test("the periodic check raises the alarm for the odd one, and almost nothing is served", async (t) => {
  const { odd, others } = await damagedCluster(t, { "corrupt-check-time": "200ms" });
  const [sound] = others as [TestAgent, TestAgent];
  t.same(await alarms(sound), [], "a member that is away is not corrupt");
  await odd.start();
  await until("the alarm is raised", async () => (await alarms(sound)).length > 0);
  t.same(await alarms(sound), [corrupt(odd)]);
  await t.rejects(sound.agent.kv.put({ key, value: key }), { code: "kv.corrupt" });
  await t.rejects(sound.agent.kv.range({ key }), { code: "kv.corrupt" });
  const health = await fetch(`http://${sound.endpoint}/health`);
  t.same([health.status, await health.text()], [503, '{"health":"false","reason":"ALARM CORRUPT"}\n']);
  const ready = await fetch(`http://${sound.endpoint}/readyz/data_corruption`);
  t.equal(ready.status, 503);
  const { errors } = await sound.agent.kv.status({});
  t.same(errors, [`memberID:${odd.agent.server!.identity.memberId} alarm:CORRUPT `]);
});

test("of two that differ nobody knows who is right: the alarm is of member 0", async (t) => {
  const { odd, others } = await damagedCluster(t, { "corrupt-check-time": "200ms" });
  const [first, second] = others as [TestAgent, TestAgent];
  // Whoever is left decides with the damaged one; the third member is away.
  await second.stop();
  await odd.start();
  const nobody = `0 ${AlarmType.CORRUPT}`;
  await until("the alarm is raised", async () => (await alarms(first)).length > 0);
  t.same(await alarms(first), [nobody]);
  t.same(await alarms(odd), [nobody]);
  t.same((await odd.agent.kv.status({})).errors, ["alarm:CORRUPT "]);
  await second.start();
  await until("with the third one the majority is known", async () =>
    (await alarms(first)).includes(corrupt(odd)),
  );
  t.same((await alarms(first)).sort(), [nobody, corrupt(odd)].sort(), "the sound ones have none");
});

test("the compact hash check compares at compactions", async (t) => {
  const flags = { "compact-hash-check-enabled": "true", "compact-hash-check-time": "200ms" };
  const { odd, others } = await damagedCluster(t, flags);
  const [sound] = others as [TestAgent, TestAgent];
  await odd.start();
  const { header } = await sound.agent.kv.put({ key: Buffer.from("another"), value: key });
  await sound.agent.kv.compact({ revision: header!.revision });
  await until("the alarm is raised", async () => (await alarms(sound)).length > 0);
  t.same(await alarms(sound), [corrupt(odd)]);
  await until("somebody said so", () =>
    others.some(({ said }) => said.includes("finished compaction hash check")),
  );
});
