/** The npm library etcd3, unmodified, while its token dies under it: it logs in again and goes on. */
import { Etcd3 } from "etcd3";
import { test } from "tap";
import { startCluster } from "../support/agents.ts";
import { until } from "../support/until.ts";

test("etcd3 gets another token when its own is gone", { timeout: 60_000 }, async (t) => {
  const cluster = await startCluster(3, { "bcrypt-cost": "4" });
  t.teardown(() => cluster.close());
  const hosts = cluster.agents.map(({ endpoint }) => endpoint);
  const open = new Etcd3({ hosts });
  t.teardown(() => open.close());
  await open.user("root").create("rootpw");
  await open.role("root").create();
  await open.user("root").addRole("root");
  await open.user("u").create("pw");
  const role = await open.role("r").create();
  await role.grant({ permission: "Readwrite", range: open.range({ prefix: "a/" }) });
  await open.user("u").addRole("r");
  await open.auth.authEnable();

  const asRoot = new Etcd3({ hosts, auth: { username: "root", password: "rootpw" } });
  t.teardown(() => asRoot.close());
  const asU = new Etcd3({ hosts, auth: { username: "u", password: "pw" } });
  t.teardown(() => asU.close());
  await asU.put("a/1").value("one");
  await t.rejects(asU.put("b").value("x").exec(), /permission denied/);

  const lease = asU.lease(30, { autoKeepAlive: true });
  await lease.put("a/leased").value("1");
  const seen: string[] = [];
  const watcher = await asU.watch().prefix("a/").create();
  watcher.on("put", ({ value }) => void seen.push(value.toString()));

  for (const round of [1, 2]) {
    await asRoot.auth.authDisable();
    await open.auth.authEnable();
    await asU.put("a/1").value(`after ${round}`);
    t.equal(await asU.get("a/1").string(), `after ${round}`);
    await t.rejects(asU.put("b").value("x").exec(), /permission denied/);
  }
  await asRoot.user("u").setPassword("pw");
  await asU.put("a/1").value("new password, the same");
  await lease.keepaliveOnce();
  await until("the watcher has seen it", () => seen.includes("new password, the same"));
  const locked = await asU.lock("a/lock").ttl(10).acquire();
  await locked.release();
  await watcher.cancel();
  await lease.revoke();
});
