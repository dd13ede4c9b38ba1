/**
 * A session of an operator who turns auth on, with etcdctl 3.4: users, roles, permissions, who may do what, and every refusal
 * that can be provoked so. Played against two servers that are compatible, it prints the same.
 */
import { etcdctl, RunningEtcdctl } from "./etcdctl.ts";

type Step = string | { readonly run: string; readonly input: string };

/** Before auth is on; everybody may do everything. */
const setUp: readonly Step[] = [
  "put open 1",
  "auth enable",
  "user add root:rootpw",
  "user add root:again",
  "user add alice:pw",
  "user add bob:pw",
  "user add keyless --no-password",
  "user get alice",
  "user get nobody",
  "user list",
  "role add reader",
  "role add reader",
  "role add writer",
  "role add spare",
  "role get reader",
  "role get nothing",
  "role list",
  "role grant-permission reader read a c",
  "role grant-permission reader read --prefix p/",
  "role grant-permission reader readwrite a c",
  "role grant-permission reader read a c",
  "role grant-permission reader read c",
  "role grant-permission nothing read a",
  "role grant-permission writer write b d",
  "role grant-permission writer readwrite --from-key x",
  "role get reader",
  "role get writer",
  "role revoke-permission reader nokey",
  "role revoke-permission reader c d",
  "role revoke-permission nothing a",
  "user grant-role alice reader",
  "user grant-role alice reader",
  "user grant-role alice nothing",
  "user grant-role nobody reader",
  "user grant-role alice writer",
  "user grant-role bob spare",
  "user revoke-role bob reader",
  "user revoke-role nobody reader",
  "user get alice",
  "user get alice --detail",
  "role delete nothing",
  "user delete nobody",
  "put a one",
  "put p/1 deep",
  "put z last",
  "user grant-role root root",
  "role get root",
  "role add root",
  "role get root",
  "auth enable --user=root:rootpw",
];

/** With auth on. `@name` is the credentials of that user. */
const enabled: readonly Step[] = [
  "get a",
  "put a 2",
  "get a @wrong",
  "get a @missing",
  "get a @alice",
  "get a c @alice",
  "get a d @alice",
  "get --prefix p/ @alice",
  "get --prefix p @alice",
  "get z @alice",
  "get --from-key x @alice",
  "get --from-key w @alice",
  "put b mine @alice",
  "put a mine @alice",
  "put b mine --prev-kv @alice",
  "put x/1 mine --prev-kv @alice",
  "del b @alice",
  "del b d @alice",
  "del b e @alice",
  "del b --prev-kv @alice",
  "del c d --prev-kv @alice",
  { run: "txn @alice", input: 'value("a") = "one"\n\nput b 1\n\nget a\n\n' },
  { run: "txn @alice", input: 'value("d") = "one"\n\nput b 1\n\n\n' },
  { run: "txn @alice", input: 'value("a") = "one"\n\nput b 1\n\nput a 1\n\n' },
  { run: "txn @alice", input: "\nget a\nget d\n\n\n" },
  { run: "txn @bob", input: "\nput b 1\n\n\n" },
  { run: "txn @root", input: "\nput b 1\nget b\n\n\n" },
  "get b @bob",
  "get --from-key a @root",
  "compact 2 @root",
  "user list @alice",
  "user list @root",
  "user get alice @alice",
  "user get root @alice",
  "user get alice",
  "role get reader @alice",
  "role get spare @alice",
  "role list @alice",
  "role list @root",
  "role get root @root",
  "user add carol:pw @alice",
  "user add carol:pw @root",
  "user delete carol @alice",
  "user delete carol @root",
  "user delete root @root",
  "role delete root @root",
  "user revoke-role root root @root",
  "auth disable",
  "auth disable @alice",
  "alarm disarm @alice",
  "alarm disarm @root",
  "member list @root",
  "user revoke-role alice writer @root",
  "put b again @alice",
  "get a @alice",
  "role revoke-permission reader a c @root",
  "get a @alice",
  "role grant-permission reader read a @root",
  "get a @alice",
  { run: "user passwd alice --interactive=false @root", input: "changed\n" },
  "get a @alice",
  "get a @changed",
  "role delete reader @root",
  "get a @changed",
  "user get alice @root",
  "auth enable @root",
  "user get keyless @root",
  "get a @keyless",
];

const disabled: readonly Step[] = ["auth disable @root", "auth disable", "get a", "get a @alice", "put a 3"];

const credentials: Readonly<Record<string, string>> = {
  root: "root:rootpw",
  alice: "alice:pw",
  bob: "bob:pw",
  changed: "alice:changed",
  wrong: "alice:wrong",
  missing: "who:pw",
  keyless: "keyless:pw",
};

/** Plays everything against `endpoint`, which must be a fresh store. */
export async function playAuth(endpoint: string): Promise<string[]> {
  const story: string[] = [];
  for (const step of setUp) story.push(await play(endpoint, step));
  for (const step of enabled.slice(0, 5)) story.push(await play(endpoint, step));
  story.push(...(await playWatch(endpoint)));
  story.push(...(await playLease(endpoint)));
  for (const step of [...enabled.slice(5), ...disabled]) story.push(await play(endpoint, step));
  return story;
}

async function playWatch(endpoint: string): Promise<string[]> {
  const story: string[] = [];
  // A refused watch ends by itself.
  for (const refused of ["watch a", "watch --prefix p/ @bob", "watch p/ zz @alice"]) {
    story.push(await play(endpoint, refused));
  }
  const allowed = new RunningEtcdctl(endpoint, argsOf("watch --prefix --rev=1 p/ @alice"));
  story.push(tidy(await allowed.until((text) => text.includes("deep")), endpoint));
  await allowed.stop();
  return story;
}

async function playLease(endpoint: string): Promise<string[]> {
  const story: string[] = [];
  const run = async (step: string): Promise<string> => {
    const printed = await play(endpoint, step);
    story.push(printed.replace(/lease [0-9a-f]+ /g, "lease ID "));
    return printed;
  };
  const granted = await etcdctl(endpoint, argsOf("lease grant 600 @root"));
  const id = /lease ([0-9a-f]+) granted/.exec(granted.stdout)?.[1] ?? "0";
  await run(`put --lease=${id} y/1 root @root`);
  await run(`put --lease=${id} a root @root`);
  await run(`put --lease=${id} b alice @alice`);
  await run(`lease revoke ${id} @alice`);
  await run(`lease revoke ${id} @root`);
  await run("get y/1 @root");
  await play(endpoint, "put a one @root");
  return story.map((text) => text.replaceAll(id, "ID"));
}

async function play(endpoint: string, step: Step): Promise<string> {
  const { run, input } = typeof step === "string" ? { run: step, input: "" } : step;
  const { stdout, stderr, exitCode } = await etcdctl(endpoint, argsOf(run), input);
  const parts = [`$ etcdctl ${run} -> ${exitCode}`, stdout, stderr];
  return tidy(parts.filter((part) => part !== "").join("\n"), endpoint);
}

function argsOf(text: string): string[] {
  return text
    .split(" ")
    .map((word) => (word.startsWith("@") ? `--user=${credentials[word.slice(1)]}` : word));
}

/** Replaces what may differ: addresses, ids, times. */
function tidy(text: string, endpoint: string): string {
  return text
    .replaceAll(endpoint, "ENDPOINT")
    .replace(/\{"level":"warn".*"error":"(.*?)"\}/g, "warn: $1")
    .replace(/^[0-9a-f]+, started, .*?, (\w+)$/gm, "ID, started, NAME, PEER, CLIENT, $1")
    .replace(/^\d{4}[-/]\S+ .*$/gm, "LOG LINE");
}
