import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import { ClusterId, MemberId } from "../../../../src/base/ids.ts";
import { inspect, openDataDirectory } from "../../../../src/host/data-dir/data-directory.ts";
import { DataDirError } from "../../../../src/host/data-dir/errors.ts";

const identity = { clusterId: ClusterId(0xc1n), memberId: MemberId(0xffff_ffff_ffff_fffen), name: "h1" };

test("a new directory is private, and remembers whose it is", async (t) => {
  const path = join(t.testdir(), "deep", "data");
  t.equal(await inspect(path), null);
  t.notOk(fs.existsSync(path), "inspect creates nothing");
  const first = await openDataDirectory(path, identity);
  t.match(first, { created: true, member: identity, wal: join(path, "wal"), db: join(path, "db") });
  t.equal(fs.statSync(path).mode & 0o777, 0o700);
  t.strictSame(fs.readdirSync(path).sort(), ["lock", "member.json", "snap"]);
  fs.writeFileSync(join(first.snap, "half"), "");
  await first.close();
  t.strictSame(await inspect(path), identity);
  const again = await openDataDirectory(path, { name: "renamed" });
  t.match(again, { created: false, member: identity });
  t.strictSame(fs.readdirSync(again.snap), []);
  await again.close();
});

const memberFile = (change: object = {}): string =>
  JSON.stringify({ formatVersion: 1, clusterId: "c1", memberId: "fffffffffffffffe", name: "h1", ...change });

for (const [what, files, code] of [
  ["of another cluster", { "member.json": memberFile({ clusterId: "99" }) }, "data-dir.foreign"],
  ["of another member", { "member.json": memberFile({ memberId: "99" }) }, "data-dir.foreign"],
  ["of a newer release", { "member.json": memberFile({ formatVersion: 2 }) }, "data-dir.version"],
  ["with half a member file", { "member.json": memberFile().slice(0, 20) }, "data-dir.damaged"],
  ["with ids that are none", { "member.json": memberFile({ memberId: 5 }) }, "data-dir.damaged"],
  ["with a log but no member file", { wal: {} }, "data-dir.damaged"],
] as const) {
  test(`a directory ${what} is refused and left alone`, async (t) => {
    const path = t.testdir(files);
    const before = fs.readdirSync(path);
    const error = await openDataDirectory(path, identity).catch((caught) => caught);
    t.type(error, DataDirError);
    t.equal(error.code, code);
    t.match(error.message, path);
    t.strictSame(fs.readdirSync(path), before);
  });
}

test("a directory without a member needs to be told which", async (t) => {
  const path = join(t.testdir(), "data");
  await t.rejects(openDataDirectory(path, { name: "h1" }), { code: "data-dir.empty" });
  t.notOk(fs.existsSync(path));
});

test("a file in its place is refused", async (t) => {
  const root = t.testdir({ data: "x" });
  await t.rejects(openDataDirectory(join(root, "data"), identity), { code: "data-dir.unusable" });
  await t.rejects(openDataDirectory(join(root, "data", "deeper"), identity), { code: "data-dir.unusable" });
});

test("a path longer than a socket's name can be locked", async (t) => {
  const path = join(t.testdir(), "long".repeat(40));
  await (await openDataDirectory(path, identity)).close();
});

test("a second user is refused, until the first closes or is killed", async (t) => {
  const path = join(t.testdir(), "data");
  const first = await openDataDirectory(path, identity);
  await t.rejects(openDataDirectory(path, identity), { code: "data-dir.locked" }, "in the same process");
  await first.close();
  const module = join(import.meta.dirname, "../../../../src/host/data-dir/data-directory.ts");
  const script = `import { openDataDirectory } from ${JSON.stringify(module)};
    await openDataDirectory(process.argv[1], { name: "child" });
    console.log("open");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script, path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  await t.rejects(openDataDirectory(path, identity), { code: "data-dir.locked" }, "in another process");
  child.kill("SIGKILL");
  await once(child, "exit");
  t.ok(fs.existsSync(join(path, "lock")), "the dead one left its socket");
  await (await openDataDirectory(path, identity)).close();
});

test("what a member began with is remembered, and damage to it is noticed", async (t) => {
  const path = join(t.testdir(), "data");
  const members = [{ id: MemberId(0x12n), name: "h1", peerUrls: ["http://a:1"], isLearner: false }];
  const start = { joined: true, members };
  await (await openDataDirectory(path, { ...identity, start })).close();
  t.strictSame((await inspect(path))?.start, start);
  const again = await openDataDirectory(path, { name: "h1" });
  t.strictSame(again.member.start, start);
  await again.close();
  for (const damage of [
    1,
    {},
    { joined: true },
    { joined: true, members: [{}] },
    { joined: 1, members: [] },
  ]) {
    fs.writeFileSync(join(path, "member.json"), memberFile({ start: damage }));
    await t.rejects(inspect(path), { code: "data-dir.damaged" }, JSON.stringify(damage));
  }
});
