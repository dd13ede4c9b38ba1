import fs from "node:fs";
import { join } from "node:path";
import { test } from "tap";
import { Generations } from "../../../../src/host/level/generations.ts";

test("installing switches by rename and removes the former", async (t) => {
  const directory = join(t.testdir(), "db");
  const generations = await Generations.open(directory);
  t.equal(generations.path, join(directory, "1"));
  fs.mkdirSync(generations.path);
  const incoming = await generations.incoming();
  fs.mkdirSync(incoming);
  fs.writeFileSync(join(incoming, "row"), "new");
  await generations.install();
  t.equal(generations.path, incoming);
  t.strictSame(fs.readdirSync(directory).sort(), ["2", "CURRENT"]);
  t.equal((await Generations.open(directory)).path, incoming);
});

for (const [moment, files, expected] of [
  ["before anything", {}, "1"],
  ["while receiving", { CURRENT: "1\n", "1": {}, "2": { half: "" } }, "1"],
  ["before the rename", { CURRENT: "1\n", "CURRENT.tmp": "2\n", "1": {}, "2": {} }, "1"],
  ["in the very first start", { "CURRENT.tmp": "" }, "1"],
  ["behind the rename", { CURRENT: "2\n", "1": {}, "2": {} }, "2"],
] as const) {
  test(`a crash ${moment} leaves generation ${expected}`, async (t) => {
    const directory = t.testdir(files);
    t.equal((await Generations.open(directory)).path, join(directory, expected));
    const left = fs.readdirSync(directory).filter((name) => name !== "CURRENT" && name !== expected);
    t.strictSame(left, []);
  });
}

for (const [what, files] of [
  ["missing", { "1": {} }],
  ["empty", { CURRENT: "", "1": {} }],
  ["no number", { CURRENT: "../x\n", "1": {} }],
] as const) {
  test(`a CURRENT that is ${what} is refused and nothing removed`, async (t) => {
    const directory = t.testdir(files);
    await t.rejects(Generations.open(directory), { code: "level.open-failed" });
    t.ok(fs.existsSync(join(directory, "1")));
  });
}
