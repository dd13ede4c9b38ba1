/**
 * The first ride: three hosts with systemd, the built executable, all five steps, and then the same cluster while its
 * leader, and all of it, is killed. Needs root and dist/agent.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tap, { type Test, test } from "tap";
import { agentTtlSeconds, Cluster, executable, skipReason } from "./cluster.ts";
import { livesOf, overlaps } from "./copies.ts";
import { type Host, Lab, until } from "./hosts.ts";
import { Overlay } from "./overlay.ts";
import { Writers } from "./writers.ts";

// The runner ends a file after 30 s of its own accord, whatever its tests allow themselves.
tap.setTimeout(600_000);

const reason = await skipReason();
const agentTtlMs = agentTtlSeconds * 1000;

/** A dead machine's units move after its TTL; if it led, the new leader first waits a TTL of its own; then they start. */
const moveMs = 2 * agentTtlMs + 10_000;

const hello = "[Unit]\nDescription=Hello\n\n[Service]\nExecStart=/usr/local/bin/beat hello\n";

test("the ride", { skip: reason ?? false, timeout: 600_000 }, async (t) => {
  const lab = await Lab.up(3, { init: "systemd" });
  t.teardown(() => lab.down());
  const cluster = new Cluster(lab);
  const logs = mkdtempSync(join(tmpdir(), "argosy-ride-"));
  t.teardown(() => rmSync(logs, { recursive: true }));
  t.teardown(() => {
    if (!t.passing()) t.comment(cluster.logs());
  });
  const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)];

  await t.test("1. three agents form one cluster", async (t) => {
    await cluster.start();
    const leader = await cluster.leader();
    t.comment(`${leader.name} leads`);
    const statuses = await Promise.all(lab.hosts.map((host) => cluster.status(host)));
    t.equal(new Set(statuses.map((status) => status?.cluster.id)).size, 1, "one cluster id");
    for (const [i, status] of statuses.entries()) {
      t.equal(status?.self.name, lab.hosts[i]?.name);
      t.same(status?.members.map(({ name }) => name).sort(), ["h1", "h2", "h3"]);
    }
  });

  await t.test("2. Debian's etcdctl works against each member", async (t) => {
    for (const [i, member] of lab.hosts.entries()) {
      const other = lab.hosts[(i + 1) % 3]!;
      const ctl = (line: string, input?: string) => cluster.etcdctl(one, member, line, input);
      const k = `ride/${member.name}`;
      t.equal(await ctl(`put ${k}/a 1`), "OK\n");
      t.equal(await ctl(`put ${k}/b 2`), "OK\n");
      t.equal(
        await cluster.etcdctl(one, other, `get --prefix ${k}/`),
        `${k}/a\n1\n${k}/b\n2\n`,
        "read at another",
      );
      const txn = `value("${k}/a") = "1"\n\nput ${k}/c 3\n\nput ${k}/c 4\n\n`;
      t.match(await ctl("txn", txn), /^SUCCESS\n\nOK\n/);
      t.equal(await ctl(`del ${k}/b`), "1\n");

      const log = join(logs, `watch-${member.name}`);
      // From revision 1 on: everything above, however late the watch begins.
      const watch = `ETCDCTL_API=3 exec etcdctl --endpoints http://${member.ip}:2379 watch --rev=1 --prefix ${k}/`;
      const watching = one.spawn(watch, log);
      await ctl(`put ${k}/d 5`);
      const seen = await until("the watch shows all", async () => {
        const text = readFileSync(log, "utf8");
        return text.includes(`${k}/d`) && text;
      });
      watching.kill();
      const expected = [
        "PUT",
        `${k}/a`,
        "1",
        "PUT",
        `${k}/b`,
        "2",
        "PUT",
        `${k}/c`,
        "3",
        "DELETE",
        `${k}/b`,
        "",
      ];
      t.same(seen.trim().split("\n"), [...expected, "PUT", `${k}/d`, "5"]);

      const lease = /lease ([0-9a-f]+) granted/.exec(await ctl("lease grant 60"))?.[1];
      t.ok(lease, "lease granted");
      await ctl(`put --lease=${lease} ${k}/leased x`);
      t.match(await ctl(`lease keep-alive --once ${lease}`), /TTL\(60\)/);
      t.match(await ctl(`lease timetolive ${lease} --keys`), `${k}/leased`);
      t.match(await ctl(`lease revoke ${lease}`), /revoked/);
      t.equal(await ctl(`get ${k}/leased`), "", "gone with its lease");

      t.match(await ctl("endpoint status"), `http://${member.ip}:2379`);
      t.equal((await ctl("member list")).trim().split("\n").length, 3);
      t.match(await ctl("endpoint health 2>&1"), /is healthy/);
    }
  });

  await t.test("3. a unit runs, and moves when its host loses power", async (t) => {
    two.write("/root/hello.service", hello);
    t.match(
      await cluster.agent(two, "unit", "start", "/root/hello.service"),
      /Unit hello\.service launched on /,
    );
    const first = await cluster.runsOn("hello.service", three, moveMs);
    t.equal(
      await first.must("systemctl is-active hello.service"),
      "active\n",
      `systemd of ${first.name} has it`,
    );
    for (const host of lab.hosts) {
      t.match(
        await cluster.agent(host, "unit", "list"),
        /hello\.service +launched +launched .* active +running/,
      );
      const machines = JSON.parse(await cluster.agent(host, "machine", "list", "-o", "json"));
      t.same(
        machines.map(({ id }: { id: string }) => id).sort(),
        lab.hosts.map(({ machineId }) => machineId).sort(),
      );
    }

    const offAt = performance.now();
    await first.powerOff();
    const witness = cluster.hosts[0]!;
    const second = await cluster.runsOn("hello.service", witness, moveMs, first);
    t.comment(`${first.name} off; ${second.name} runs it after ${Math.round(performance.now() - offAt)} ms`);
    t.equal(await second.must("systemctl is-active hello.service"), "active\n");

    await first.boot();
    await cluster.startAgent(first);
    await until(
      "the host is back",
      async () => {
        const seen = await cluster.status(witness);
        return seen?.machines.filter(({ state }) => state === "live").length === 3;
      },
      { withinMs: 30_000 },
    );
    t.equal((await cluster.runsOn("hello.service", first, moveMs)).name, second.name, "it stays where it is");
    t.ok(livesOf("hello", lab.hosts).length >= 2, "it left its marks on both hosts");
    t.same(overlaps(livesOf("hello", lab.hosts)), [], "never two copies");
  });

  await t.test("3b. a host without a cable stops its unit before another starts it", async (t) => {
    const first = await cluster.runsOn("hello.service", one, moveMs);
    const witness = lab.hosts.find((host) => host !== first)!;
    await first.cableOff();
    const second = await cluster.runsOn("hello.service", witness, moveMs, first);
    t.not(await first.exec("systemctl is-active hello.service").then(({ stdout }) => stdout), "active\n");
    await first.cableOn();
    await cluster.leader();
    await until(
      "the host is back",
      async () => {
        const seen = await cluster.status(witness);
        return seen?.machines.filter(({ state }) => state === "live").length === 3;
      },
      { withinMs: 30_000 },
    );
    t.equal((await cluster.runsOn("hello.service", witness, moveMs)).name, second.name);
    t.same(overlaps(livesOf("hello", lab.hosts)), [], "never two copies");
  });

  const overlay = new Overlay(cluster);

  await t.test("4. subnets are leased and reach each other", async (t) => {
    const refused = await one.exec([executable, "net", "config", "set", '{"Network":"10.5.0.0/33"}']);
    t.equal(refused.code, 1, "a bad configuration is refused");
    await cluster.agent(two, "net", "config", "set", '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}');
    const subnets = await overlay.subnets();
    t.equal(new Set(subnets.map(({ base }) => base)).size, 3, "three different subnets");
    for (const { env } of subnets) {
      t.equal(env.FLANNEL_NETWORK, "10.5.0.0/16");
      t.match(env.FLANNEL_SUBNET, /^10\.5\.\d+\.1\/24$/);
      t.equal(env.FLANNEL_MTU, "1450");
      t.equal(env.FLANNEL_IPMASQ, "false");
    }
    await overlay.attach();
    for (const [from, to] of overlay.pairs()) {
      await until(`${from.host.name} reaches ${to.host.name}`, () => overlay.reaches(from, to));
      t.pass(`a namespace on ${from.host.name} pings one on ${to.host.name}`);
    }
    const [from, to] = overlay.pairs()[0]!;
    t.not(await overlay.route(from, to), "", "the route is there");
    await from.host.must(`ip route del ${to.base}/24`);
    const gone = performance.now();
    await until("the route is back", () => overlay.route(from, to), { withinMs: 1000, everyMs: 5 });
    t.comment(`a deleted route came back after ${Math.round(performance.now() - gone)} ms`);
    await until("packets flow again", () => overlay.reaches(from, to), { withinMs: 3000 });
  });

  await t.test("5. status shows everything", async (t) => {
    for (const host of lab.hosts) {
      const screen = await cluster.agent(host, "status");
      for (const word of [
        "MEMBER",
        "MACHINE",
        "UNIT",
        "SUBNET",
        "h1",
        "h2",
        "h3",
        "hello.service",
        "this host",
      ])
        t.match(screen, word);
      const status = await cluster.status(host);
      t.equal(status?.members.filter(({ leader }) => leader).length, 1);
      t.same(status?.machines.map(({ name, state }) => [name, state]).sort(), [
        ["h1", "live"],
        ["h2", "live"],
        ["h3", "live"],
      ]);
      t.match(status?.units, [
        { name: "hello.service", desired: "launched", current: "launched", active: "active" },
      ]);
      t.equal(status?.subnets.length, 3);
      t.same(
        status?.subnets.filter(({ self }) => self).map(({ publicIp }) => publicIp),
        [host.ip],
      );
      t.same(status?.problems, []);
    }
  });

  /** Every acknowledged key is there, whichever member is asked. */
  const allThere = async (t: Test, writers: Writers, run: string): Promise<void> => {
    const acknowledged = writers.acknowledged();
    t.comment(`${acknowledged.length} puts were acknowledged`);
    for (const member of lab.hosts) {
      const keys = await cluster.etcdctl(one, member, `get --prefix ${run}/ --keys-only`);
      const present = new Set(keys.split("\n"));
      t.same(
        acknowledged.filter((key) => !present.has(key)),
        [],
        `nothing acknowledged is missing at ${member.name}`,
      );
    }
  };

  await t.test("kill -9 of the leader, again and again: nothing acknowledged is lost", async (t) => {
    const writers = new Writers("leader", lab.hosts, logs);
    for (let round = 0; round < 3; round++) {
      await writers.progress(20);
      const leader: Host = await cluster.leader();
      await cluster.killAgent(leader);
      t.comment(`killed ${leader.name}`);
    }
    await writers.progress(20);
    await writers.stop();
    await cluster.leader();
    await allThere(t, writers, "leader");
    for (const [from, to] of overlay.pairs())
      t.ok(await overlay.reaches(from, to), "the overlay is untouched");
  });

  await t.test("kill -9 of all agents at once: nothing acknowledged is lost", async (t) => {
    const writers = new Writers("all", lab.hosts, logs);
    await writers.progress(20);
    await Promise.all(lab.hosts.map((host) => cluster.killAgent(host)));
    await writers.progress(20);
    await writers.stop();
    await cluster.leader();
    await allThere(t, writers, "all");
    await cluster.runsOn("hello.service", one, moveMs);
    t.same(overlaps(livesOf("hello", lab.hosts)), [], "never two copies");
  });

  await t.test("power off of all hosts at once: nothing acknowledged is lost", async (t) => {
    const writers = new Writers("power", lab.hosts, logs);
    await writers.progress(20);
    await Promise.all(lab.hosts.map((host) => host.powerOff()));
    await writers.stop().catch(() => undefined);
    await Promise.all(lab.hosts.map((host) => host.boot()));
    await Promise.all(lab.hosts.map((host) => cluster.startAgent(host)));
    await cluster.leader();
    await allThere(t, writers, "power");
    await cluster.runsOn("hello.service", one, moveMs);
    t.same(overlaps(livesOf("hello", lab.hosts)), [], "never two copies");
  });

  await t.test("destroy", async (t) => {
    t.match(await cluster.agent(three, "unit", "destroy", "hello.service"), /Destroyed hello\.service/);
    for (const host of lab.hosts) {
      t.notMatch(await host.exec("systemctl is-active hello.service"), { stdout: /^active/ });
      t.notMatch(await cluster.agent(host, "unit", "list"), /hello/);
    }
  });
});
