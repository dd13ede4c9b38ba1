/** `--user`: where the password comes from, what is sent, and what a refusal says. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "tap";
import { SecretLine } from "../../../src/cli/secret-prompt.ts";
import { call } from "./fake-terminal.ts";

/** Every command that talks to an agent, with a path that it asks for. */
const commands = [
  "status",
  "unit list",
  "unit status a.service",
  "unit cat a.service",
  "unit start --no-block a.service",
  "unit submit a.service",
  "unit load a.service",
  "unit stop a.service",
  "unit unload a.service",
  "unit destroy a.service",
  "machine list",
  "net status",
  "net config get",
  'net config set {"Network":"10.5.0.0/16"}',
];

async function agentThatAnswers(t: { teardown(done: () => unknown): void }, status: number) {
  const heard: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    heard.push(request.headers.authorization);
    response.writeHead(status, { "content-type": "application/json" });
    response.end('{"error":{"code":"x","message":"words of the agent"}}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  return { heard, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;

test("every command says who asks, and why it was refused", async (t) => {
  for (const command of commands) {
    const { heard, endpoint } = await agentThatAnswers(t, 401);
    const plain = await call(`${command} --endpoint ${endpoint}`);
    t.equal(plain.code, 1, command);
    t.match(plain.err, /has auth on; say who you are with --user NAME$/m, command);
    const wrong = await call(`${command} --endpoint ${endpoint} --user ann:p:w`);
    t.equal(wrong.code, 1, command);
    t.match(wrong.err, /does not accept user ann with this password; check --user$/m, command);
    t.notMatch(wrong.err + wrong.out, "p:w", "the password is not shown");
    t.same([...new Set(heard)], [undefined, basic("ann:p:w")], command);
  }
  const { endpoint } = await agentThatAnswers(t, 403);
  const denied = await call(`status --endpoint ${endpoint} --user ann:pw`);
  t.match(denied.err, /does not let user ann do this; a user with role root may do everything$/m);
});

test("the password: on the line, in the environment, or asked for", async (t) => {
  const { heard, endpoint } = await agentThatAnswers(t, 401);
  const line = `status --endpoint ${endpoint} --user`;
  await call(`${line} ann`, { AGENT_PASSWORD: "from env" });
  await call(`${line} ann:`, { AGENT_PASSWORD: "not this" });
  await call(`status --endpoint ${endpoint}`, { AGENT_USER: "bob", AGENT_PASSWORD: "ü" });
  const asked = await call(`${line} ann`, { AGENT_PASSWORD: "" }, { secret: "typed" });
  t.match(asked.err, /^Password of ann: /);
  t.notMatch(asked.err, "typed");
  t.same(heard, [basic("ann:from env"), basic("ann:"), basic("bob:ü"), basic("ann:typed")]);
  const nobody = await call(`${line} ann`);
  t.equal(nobody.code, 2);
  t.match(nobody.err, /there is no terminal to ask for the password; set AGENT_PASSWORD$/m);
  t.equal((await call(`${line} :pw`)).code, 2, "no name");
  t.equal(heard.length, 4, "nothing was sent");
  for (const command of ["status", "unit start", "machine list", "net config set"]) {
    t.match((await call(`${command} --help`)).out, /--user .*AGENT_PASSWORD/s, command);
  }
});

test("a line that is typed unseen", (t) => {
  const table: ReadonlyArray<readonly [typed: string, line: string | null | undefined]> = [
    ["pässwörd\r", "pässwörd"],
    ["\n", ""],
    ["ab\x7fc\bd\r", "ad"],
    ["\x7fa\r", "a"],
    ["abc\x15d\r", "d"],
    ["ab\x03", null],
    ["\x04", null],
    ["a\x1bb\r", "ab"],
    ["half", undefined],
  ];
  for (const [typed, line] of table) t.equal(new SecretLine().type(typed), line, JSON.stringify(typed));
  const pieces = new SecretLine();
  t.equal(pieces.type("a"), undefined);
  t.equal(pieces.type("b\rrest"), "ab");
  t.end();
});
