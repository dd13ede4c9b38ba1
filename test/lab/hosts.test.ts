/** The lab itself: what the other lab tests stand on. */
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tap, { test } from "tap";
import { attempt } from "./command.ts";
import { Lab, skipReason, until } from "./hosts.ts";

tap.setTimeout(120_000);

const reason = await skipReason();

test("hosts with a bare init", { skip: reason ?? false }, async (t) => {
  const lab = await Lab.up(3, { init: "reaper" });
  t.teardown(() => lab.down());
  const [one, two, three] = [lab.host(1), lab.host(2), lab.host(3)];
  const reaches = async (from: typeof one, to: typeof one) =>
    (await from.exec(["ping", "-c1", "-W1", to.ip])).code === 0;

  await t.test("exec gives code, output and errors, and ends at its limit", async (t) => {
    t.match(await one.exec("echo out; echo err >&2; exit 3"), { code: 3, stdout: "out\n", stderr: "err\n" });
    t.equal(await one.must(["hostname"]), "h1\n");
    t.equal((await one.exec(["cat"], { input: "fed" })).stdout, "fed");
    t.equal((await one.exec("sleep 100", { timeout: 100 })).code, 255);
    t.equal((await one.exec(["no-such-program"])).code, 127);
  });

  await t.test("each has its own processes, names and files", async (t) => {
    t.equal(await two.must("cat /proc/1/comm"), "sleep\n");
    t.not(await one.must("cat /etc/machine-id"), await two.must("cat /etc/machine-id"));
    await one.must("echo mine > /etc/mine");
    t.equal(one.read("/etc/mine"), "mine\n");
    t.not((await two.exec("cat /etc/mine")).code, 0);
    t.not(existsSync("/etc/mine"), true, "this machine's files are untouched");
    two.write("/srv/deep/file", "put");
    t.equal(await two.must("cat /srv/deep/file"), "put");
    two.put("/etc/os-release", "/srv/copy");
    t.equal(await two.must("cat /srv/copy"), await two.must("cat /etc/os-release"));
  });

  await t.test("cut, heal and cable", async (t) => {
    t.ok(await reaches(one, two));
    await lab.cut(1, 2);
    t.notOk(await reaches(one, two), "cut");
    t.notOk(await reaches(two, one), "both ways");
    t.ok(await reaches(one, three), "the others are not concerned");
    await lab.heal();
    t.ok(await reaches(one, two), "healed");
    await three.cableOff();
    t.notOk(await reaches(one, three), "no cable");
    await three.cableOn();
    await until("the cable works again", () => reaches(one, three));
  });

  await t.test("power off kills everything, the disk stays", async (t) => {
    await two.must("echo kept > /var/kept");
    const left = two.spawn("sleep 1000", "/dev/null");
    await until("it runs", async () => (await two.exec("pgrep -x sleep | grep -qv '^1$'")).code === 0);
    await two.powerOff();
    t.equal(await left.ended(), 255, "what was spawned died with the host");
    t.notOk(await reaches(one, two));
    t.equal(two.read("/var/kept"), "kept\n", "its disk can be read while it is off");
    t.throws(() => two.root, "off");
    await two.boot();
    t.equal(await two.must("cat /var/kept"), "kept\n");
    await until("it is back on the network", () => reaches(one, two));
  });
});

test("hosts with systemd", { skip: reason ?? false }, async (t) => {
  const lab = await Lab.up(3, { init: "systemd" });
  t.teardown(() => lab.down());
  const host = lab.host(2);
  host.write("/etc/systemd/system/tick.service", "[Service]\nExecStart=/bin/sleep 1000\n");
  await host.must("systemctl daemon-reload && systemctl start tick");
  t.equal((await host.must("systemctl is-active tick")).trim(), "active");
  t.equal(await host.must("cat /proc/1/comm"), "systemd\n");
  await host.powerOff();
  await host.boot();
  t.equal(
    (await host.exec("systemctl is-active tick")).stdout.trim(),
    "inactive",
    "it was started, not enabled",
  );
});

test("a lab whose process was killed leaves nothing behind", { skip: reason ?? false }, async (t) => {
  const script = `import { Lab } from ${JSON.stringify(join(import.meta.dirname, "hosts.ts"))};
    const lab = await Lab.up(1, { init: "reaper" });
    await lab.host(1).must("true");
    process.kill(process.pid, "SIGKILL");`;
  const outcome = await attempt([process.execPath, "--input-type=module", "-e", script]);
  t.equal(outcome.code, 255, outcome.stderr);
  const lab = await Lab.up(1, { init: "reaper" });
  await lab.down();
  const left = readdirSync(tmpdir()).filter((name) => name.startsWith("argosy-lab-"));
  const owners = left.filter((name) => !existsSync(`/proc/${name.slice("argosy-lab-".length)}`));
  t.same(owners, []);
  t.notMatch((await attempt(["ip", "netns", "list"])).stdout, new RegExp(`argosy-lab-${process.pid}\\b`));
});
