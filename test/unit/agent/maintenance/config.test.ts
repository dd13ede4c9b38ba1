import { test } from "tap";
import { ConfigError, parseConfig, type RunFlags } from "../../../../src/agent/config.ts";
import { parseMaintenance } from "../../../../src/agent/maintenance/config.ts";
import { agentCommands } from "../../../../src/cli/agent-front.ts";
import { parse } from "../../../../src/cli/parse.ts";
import { runOptions } from "../../../../src/cli/run/options.ts";

test("auto-compaction", async (t) => {
  const policy = (mode: string | undefined, retention: string | undefined) =>
    parseMaintenance({ "auto-compaction-mode": mode, "auto-compaction-retention": retention }).autoCompaction;
  const hourMs = 3_600_000;
  const cases: [mode: string | undefined, retention: string | undefined, policy: unknown][] = [
    [undefined, undefined, null],
    ["periodic", "0", null],
    ["periodic", "0s", null],
    [undefined, "1", { mode: "periodic", periodMs: hourMs }],
    ["periodic", "10h", { mode: "periodic", periodMs: 10 * hourMs }],
    ["periodic", "1h30m", { mode: "periodic", periodMs: 1.5 * hourMs }],
    ["revision", "0", null],
    ["revision", "1000", { mode: "revision", keep: 1000 }],
  ];
  for (const [mode, retention, expected] of cases)
    t.same(policy(mode, retention), expected, `${mode} ${retention}`);
  for (const [mode, retention] of [
    ["revision", "10h"],
    ["periodic", "soon"],
    ["periodic", "-1h"],
    ["hourly", "1"],
  ])
    t.throws(() => policy(mode, retention), ConfigError, `${mode} ${retention}`);
});

test("corruption checks and monitoring", async (t) => {
  t.match(parseMaintenance({}), { initialCorruptCheck: false, corruptCheckMs: 0, compactHashCheckMs: 0 });
  const flags: RunFlags = {
    "initial-corrupt-check": "true",
    "corrupt-check-time": "12h",
    "compact-hash-check-enabled": "true",
  };
  t.match(parseMaintenance(flags), {
    initialCorruptCheck: true,
    corruptCheckMs: 12 * 3_600_000,
    compactHashCheckMs: 60_000,
  });
  t.equal(parseMaintenance({ "corrupt-check-time": "0" }).corruptCheckMs, 0);
  t.throws(() => parseMaintenance({ "initial-corrupt-check": "maybe" }), ConfigError);
  t.same(parseConfig({ name: "a" }).metrics, { extensive: false, listen: [] });
  t.match(
    parseConfig({ name: "a", metrics: "extensive", "listen-metrics-urls": "http://127.0.0.1:2381" }).metrics,
    {
      extensive: true,
      listen: [{ host: "127.0.0.1", port: 2381 }],
    },
  );
  t.throws(() => parseConfig({ name: "a", metrics: "all" }), ConfigError);
});

test("switches and older names on the command line", async (t) => {
  const flagsOf = async (...words: string[]): Promise<RunFlags> => {
    const parsed = await parse(agentCommands, ["run", ...words], {});
    if (parsed.type !== "run") throw new Error("no command");
    return Object.fromEntries(Object.keys(runOptions).map((flag) => [flag, parsed.given.maybe(flag)]));
  };
  const check = async (...words: string[]): Promise<boolean> =>
    parseMaintenance(await flagsOf(...words)).initialCorruptCheck;
  t.equal(await check(), false);
  t.equal(await check("--initial-corrupt-check"), true);
  t.equal(await check("--initial-corrupt-check=false"), false);
  t.equal(await check("--experimental-initial-corrupt-check=true"), true);
  const older = await flagsOf("--experimental-corrupt-check-time=1h");
  t.equal(parseMaintenance(older).corruptCheckMs, 3_600_000);
});
