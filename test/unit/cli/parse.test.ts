/** What cannot be understood is one line that names it, and exit code 2; what can be reaches the handler. */
import { test } from "tap";
import { agentCommands } from "../../../src/cli/agent-front.ts";
import { type Command, type Group, positionalsOf } from "../../../src/cli/command.ts";
import { frontFor } from "../../../src/cli/fronts.ts";
import { nearest } from "../../../src/cli/nearest.ts";
import { parse } from "../../../src/cli/parse.ts";
import { call } from "./fake-terminal.ts";

test("wrong command lines", async (t) => {
  const table: ReadonlyArray<readonly [given: string, line: string]> = [
    ["run --dat-dir=x", "agent run: unknown flag --dat-dir; did you mean --data-dir?"],
    ["run --xyzzy", "agent run: unknown flag --xyzzy"],
    ["run -x", "agent run: unknown flag -x"],
    ["run --name", "agent: --name needs a value"],
    ["run extra", 'agent run: "extra" is one argument too many; see'],
    ["--colour", "agent: unknown flag --colour"],
    ["stats", 'agent: unknown command "stats"; did you mean status?'],
    ["xyzzy", 'agent: unknown command "xyzzy"'],
    ["machine", "agent machine: which command? one of list"],
    ["unit strat a", 'agent unit: unknown command "strat"; did you mean start?'],
    ["unit start", "agent unit start: which unit? see agent unit start --help"],
    ["unit start --replce a", "agent unit start: unknown flag --replce; did you mean --replace?"],
    ["net config set", "agent net config set: which json? see agent net config set --help"],
    ["status -o xml", 'agent: --output: "xml" is not one of table, json'],
    ["status --endpoint 127.0.0.1:2379", '"127.0.0.1:2379" is not a URL such as http://127.0.0.1:2379'],
    ["status --endpoint https://h:1", '"https://h:1" is not a URL such as http://127.0.0.1:2379'],
    ["unit stop a --timeout soon", 'agent: --timeout: "soon" is not a duration such as 30s or 1m30s'],
  ];
  for (const [given, line] of table) {
    const seen = await call(given);
    t.equal(seen.code, 2, given);
    t.match(seen.err, line);
    t.equal(seen.err.split("\n").length, 2, "one line");
    t.equal(seen.out, "");
  }
});

test("help", async (t) => {
  t.equal((await call("")).out, (await call("--help")).out);
  t.equal((await call("help unit start")).out, (await call("unit start --help")).out);
  t.equal((await call("help")).code, 0);
  const every = (group: Group, path: string): Array<[string, Command]> =>
    group.commands.flatMap((command): Array<[string, Command]> => {
      const own = `${path} ${command.name}`.trim();
      return [[own, command], ...("commands" in command ? every(command, own) : [])];
    });
  for (const [path, command] of every(agentCommands, "")) {
    const { code, out } = await call(`${path} --help`);
    t.equal(code, 0, path);
    t.match(out, command.summary);
    t.ok(command.examples.length > 0, `${path} has examples`);
    for (const [line] of command.examples) t.ok(line.startsWith(path.split(" ")[0]!), line);
    if ("options" in command) for (const flag of Object.keys(command.options)) t.match(out, `--${flag}`);
  }
});

test("flag, environment, default", async (t) => {
  const given = async (line: string, environment: Record<string, string>, name: string) => {
    const parsed = await parse(agentCommands, line.split(" "), environment);
    return parsed.type === "run" ? parsed.given.maybe(name) : undefined;
  };
  t.equal(await given("status", {}, "endpoint"), "http://127.0.0.1:2379");
  t.equal(await given("status", { AGENT_ENDPOINT: "http://e:1" }, "endpoint"), "http://e:1");
  t.equal(
    await given("status --endpoint http://f:1", { AGENT_ENDPOINT: "http://e:1" }, "endpoint"),
    "http://f:1",
  );
  t.equal(await given("run", { AGENT_DATA_DIR: "/d" }, "data-dir"), "/d");
  t.equal(await given("run", {}, "data-dir"), undefined, "the configuration knows the defaults");
  t.equal(await given("run", { AGENT_NAME: "" }, "name"), undefined, "an empty variable is none");
  t.equal(
    await given("run", { AGENT_NO_SUCH_FLAG: "x" }, "name"),
    undefined,
    "foreign variables are ignored",
  );
  t.equal(await given("run --name a --name b", {}, "name"), "b", "the last one wins, as in Go");
  t.equal(await given("run --snapshot-count 007", {}, "snapshot-count"), "007", "text stays text");
  t.equal(await given("run --metadata a=b,c=d", {}, "metadata"), "a=b,c=d");
  t.equal(await given("net config set -", {}, "json"), "-");
  const stop = await parse(agentCommands, ["unit", "stop", "1", "a.service"], { AGENT_NO_BLOCK: "true" });
  t.ok(stop.type === "run" && stop.given.flag("no-block"));
  t.same(stop.type === "run" && stop.given.list("unit"), ["1", "a.service"]);
});

test("positionals", async (t) => {
  t.same(positionalsOf("<unit..> [key]"), [
    { name: "unit", required: true, many: true },
    { name: "key", required: false, many: false },
  ]);
  t.same(positionalsOf(""), []);
});

test("the nearest word", async (t) => {
  const words = ["start", "stop", "status", "data-dir", "initial-cluster", "initial-cluster-token"];
  t.equal(nearest("strat", words), "start");
  t.equal(nearest("dir", words), undefined);
  t.equal(nearest("data_dir", words), "data-dir");
  t.equal(nearest("initial-clusters", words), "initial-cluster");
  t.equal(nearest("qqqqq", words), undefined);
});

test("the name called by selects the front", async (t) => {
  for (const name of ["etcd", "etcdctl", "fleetctl", "flannel"]) {
    const seen = await call("member list", {}, { front: await frontFor(name)() });
    t.equal(seen.code, 1);
    t.match(seen.err, `${name}: this front is not in this version yet`);
  }
  for (const name of ["agent", "argosy", "agent-0.1"]) {
    t.match(await call("version", {}, { front: await frontFor(name)() }), { code: 0, out: /^agent / });
  }
});
