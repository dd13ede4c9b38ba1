/** The quota drill of etcd.md 17.10 with Debian's etcdctl: full, compacted, defragmented, disarmed, writable again. */
import { test } from "tap";
import { startCluster } from "../support/agents.ts";
import { etcdctlMissing } from "./etcd.ts";
import { etcdctl } from "./etcdctl.ts";

const quotaBytes = 4 << 20;
const putsMax = 200;

test("a full store is emptied and written again", { skip: etcdctlMissing, timeout: 120_000 }, async (t) => {
  const cluster = await startCluster(1, { "quota-backend-bytes": String(quotaBytes) });
  t.teardown(() => cluster.close());
  const { endpoint } = cluster.agents[0]!;
  const run = async (...args: string[]) => {
    const { stdout, stderr } = await etcdctl(endpoint, args);
    return stdout + stderr;
  };
  const status = async (): Promise<{ revision: number; dbSize: number }> => {
    const [{ Status }] = JSON.parse((await etcdctl(endpoint, ["endpoint", "status", "-w", "json"])).stdout);
    return { revision: Status.header.revision, dbSize: Status.dbSize };
  };
  const value = "v".repeat(100_000);
  let answer = "";
  for (let i = 0; i < putsMax && !/space exceeded/.test(answer); i++) answer = await run("put", "key", value);
  t.match(answer, /etcdserver: mvcc: database space exceeded/);
  t.match(await run("alarm", "list"), /alarm:NOSPACE/);
  t.match(await run("put", "other", "small"), /space exceeded/, "nothing may grow");
  t.match(await run("get", "key", "--print-value-only"), /^v+/, "reads go on");
  const full = await status();
  t.match(await run("compaction", String(full.revision)), /compacted revision/);
  t.match(await run("defrag"), /Finished defragmenting/);
  const after = await status();
  t.ok(after.dbSize < full.dbSize / 2, `${full.dbSize} bytes, then ${after.dbSize}`);
  t.match(await run("put", "other", "small"), /space exceeded/, "until the alarm is taken back");
  t.match(await run("alarm", "disarm"), /alarm:NOSPACE/);
  t.equal(await run("put", "other", "small"), "OK\n");
  t.equal(await run("alarm", "list"), "");
});
