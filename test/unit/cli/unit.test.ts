/** The unit commands against a fake fleet API: what they write, what they wait for, what they say. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Test, test } from "tap";
import { unitWord } from "../../../src/cli/unit/unit-name.ts";
import { FakeFleet } from "./fake-fleet.ts";
import { call, type Seen } from "./fake-terminal.ts";

const text = "[Service]\nExecStart=/bin/sleep 100\n";
const options = [{ section: "Service", name: "ExecStart", value: "/bin/sleep 100" }];

interface World {
  readonly fleet: FakeFleet;
  /** Writes a unit file and gives its path. */
  file(name: string, content?: string): string;
  unit(...words: string[]): Promise<Seen>;
}

async function world(t: Test): Promise<World> {
  const fleet = await FakeFleet.start();
  const dir = mkdtempSync(join(tmpdir(), "argosy-unit-"));
  t.teardown(() => fleet[Symbol.asyncDispose]());
  t.teardown(() => rmSync(dir, { recursive: true }));
  return {
    fleet,
    file(name, content = text) {
      writeFileSync(join(dir, name), content);
      return join(dir, name);
    },
    unit: (...words) => call(["unit", ...words], { AGENT_ENDPOINT: fleet.endpoint }),
  };
}

test("what a word names", async (t) => {
  const table: ReadonlyArray<readonly [string, string, string | undefined]> = [
    ["hello.service", "hello.service", undefined],
    ["hello", "hello.service", undefined],
    ["./units/hello.timer", "hello.timer", undefined],
    ["x.target", "x.target.service", undefined],
    ["/u/web@1", "web@1.service", "/u/web@.service"],
    ["web@.service", "web@.service", undefined],
    ["a@b@c.socket", "a@b@c.socket", "a@.socket"],
  ];
  for (const [word, name, template] of table) {
    t.equal(unitWord(word).name, name);
    t.equal(unitWord(word).template?.path, template);
  }
});

test("start hands the file in and waits until it runs", async (t) => {
  const { fleet, file, unit } = await world(t);
  const seen = await unit("start", file("hello.service"));
  t.same(seen, { code: 0, out: "Unit hello.service launched on 01234567.../10.0.0.1\n", err: "" });
  t.same(fleet.changes, [
    `PUT hello.service ${JSON.stringify({ name: "hello.service", options, desiredState: "launched" })}`,
  ]);
  fleet.changes.length = 0;
  await unit("load", "hello");
  t.same(
    fleet.changes,
    ['PUT hello.service {"name":"hello.service","desiredState":"loaded"}'],
    "without a file: its own",
  );
});

test("submit, load, no-block, several at once", async (t) => {
  const { fleet, file, unit } = await world(t);
  t.match(await unit("submit", file("a.service")), { code: 0, out: "Unit a.service inactive\n" });
  t.match(await unit("submit", file("a.service")), { code: 0, out: "Unit a.service is known already\n" });
  t.match(await unit("load", file("b.service"), file("c.service")), {
    code: 0,
    out: "Unit b.service loaded on 01234567.../10.0.0.1\nUnit c.service loaded on 01234567.../10.0.0.1\n",
  });
  fleet.homeless.add("d.service");
  t.match(await unit("start", "--no-block", file("d.service")), {
    code: 0,
    out: "Triggered unit d.service start\n",
  });
  const late = await unit("start", "--timeout", "300ms", "d.service");
  t.match(late, {
    code: 1,
    err: /d\.service is still inactive, on no machine after 300ms; the cluster keeps trying/,
  });
});

test("a unit that does not stay up", async (t) => {
  const { fleet, file, unit } = await world(t);
  fleet.reports.set("bad.service", ["failed", "failed"]);
  t.match(await unit("start", file("bad.service")), {
    code: 1,
    err: /bad\.service was launched on .* is failed \(failed\)/,
  });
  fleet.reports.set("once.service", ["inactive", "dead"]);
  t.match(await unit("start", file("once.service")), {
    code: 1,
    err: /once\.service was launched but is inactive \(dead\)/,
  });
});

test("a bad file, or none, and nothing is written", async (t) => {
  const { fleet, file, unit } = await world(t);
  const good = file("good.service");
  for (const [name, content] of [
    ["empty.service", ""],
    ["plain.service", "ExecStart=/bin/true\n"],
    ["open.service", "[Service\nExecStart=/bin/true\n"],
    ["option.service", "[Service]\nExecStart\n"],
  ] as const) {
    const seen = await unit("start", good, file(name, content));
    t.equal(seen.code, 1, name);
    t.match(seen.err, name);
    t.match(seen.err, /^agent: .*\n$/, "one line");
  }
  t.match(await unit("start", good, "a b.service"), { code: 1, err: /invalid character ' ' in unit name/ });
  const missing = await unit("start", good, "nowhere.service");
  t.match(missing, { code: 1, err: /nowhere\.service: the cluster does not know it, and there is no file/ });
  t.same(fleet.changes, []);
});

test("replace", async (t) => {
  const { fleet, file, unit } = await world(t);
  fleet.add("a.service", "launched", options);
  const same = await unit("start", "--replace", file("a.service", `# comment\n${text}`));
  t.match(same, { code: 0, err: "" });
  t.notMatch(fleet.changes.join(), "options");
  const newer = file("a.service", "[Service]\nExecStart=/bin/sleep 200\n");
  t.match(await unit("start", newer), { code: 0, err: /differs from the file .*; add --replace/ });
  t.notMatch(fleet.changes.join(), "options");
  t.match(await unit("load", "--replace", "--no-block", newer), { err: /is launched; it is not replaced/ });
  t.notMatch(fleet.changes.join(), "options");
  fleet.add("a.service", "launched", options);
  t.match(await unit("start", "--replace", newer), { code: 0, err: "" });
  t.match(fleet.changes.join(), "sleep 200");
});

test("instances of a template", async (t) => {
  const { fleet, file, unit } = await world(t);
  const template = file("web@.service");
  t.match(await unit("start", template.replace("@", "@1"), template.replace("@", "@2")), { code: 0 });
  t.same([...fleet.units.keys()], ["web@1.service", "web@2.service"]);
  fleet.add("db@.service", "inactive", options);
  t.match(await unit("start", "db@x"), { code: 0 });
  t.same(fleet.units.get("db@x.service")?.options, options, "from the cluster's template");
});

test("global units", async (t) => {
  const { file, unit } = await world(t);
  const path = file("g.service", `${text}\n[X-Fleet]\nGlobal=true\n`);
  t.match(await unit("start", path), { code: 0, out: "Triggered global unit g.service start\n" });
  t.match(await unit("stop", "g"), { code: 0, out: "Triggered unit g.service stop\n" });
});

test("stop, unload, destroy", async (t) => {
  const { fleet, unit } = await world(t);
  fleet.add("a.service", "launched", options);
  t.match(await unit("stop", "a"), { code: 0, out: "Stopped unit a.service\n" });
  t.match(await unit("stop", "a"), { code: 0, out: "Stopped unit a.service\n" });
  t.equal(fleet.changes.length, 1, "it was loaded already");
  t.match(await unit("unload", "a"), { code: 0, out: "Unloaded unit a.service\n" });
  t.match(await unit("stop", "a"), {
    code: 1,
    err: "agent: Unable to stop unit a.service in state inactive\n",
  });
  t.match(await unit("destroy", "a", "b"), {
    code: 0,
    out: "Destroyed a.service\nThere was no unit b.service\n",
  });
  t.match(await unit("stop", "a"), { code: 1, err: /the cluster does not know it/ });
});

test("list, status, cat", async (t) => {
  const { fleet, unit } = await world(t);
  t.equal((await unit("list")).out, "UNIT  DESIRED  CURRENT  MACHINE  ACTIVE  SUB\n");
  for (const name of ["a", "b", "c", "d", "e"]) fleet.add(`${name}.service`, "launched", options);
  fleet.add("z.service", "inactive", options);
  const { out } = await unit("list");
  t.equal(out.split("\n").length, 8, "all pages");
  t.match(out, "a.service  launched  launched  01234567  active  running");
  t.match(out, "z.service  inactive  inactive  -         -       -");
  const json = JSON.parse((await unit("list", "-o", "json")).out);
  t.match(json[0], { name: "a.service", desired: "launched", active: "active", load: "loaded" });
  t.equal((await unit("status", "b")).out.split("\n").length, 3);
  t.match(await unit("status", "nope"), { code: 1, err: /the cluster does not know it/ });
  t.equal((await unit("cat", "a")).out, text);
  const machines = await call("machine list", { AGENT_ENDPOINT: fleet.endpoint });
  t.match(machines.out, /0123456789abcdef0123456789abcdef +10\.0\.0\.1 +disk=ssd,zone=b/);
});
