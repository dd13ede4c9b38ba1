/**
 * One session of an operator with etcdctl 3.4, as a list of commands and what each printed, with the names that differ from
 * one server to the next (ids, addresses, sizes, terms) replaced. Two servers are compatible when their stories are equal.
 */
import { etcdctl, type Printed, RunningEtcdctl } from "./etcdctl.ts";

type Step = { readonly args: readonly string[]; readonly input?: string };

const before: readonly Step[] = [
  { args: ["put", "a", "1"] },
  { args: ["put", "a", "2"] },
  { args: ["put", "--prev-kv", "a", "3"] },
  { args: ["put", "ab", "x"] },
  { args: ["put", "b", ""] },
  { args: ["get", "a"] },
  { args: ["get", "missing"] },
  { args: ["get", "--prefix", "a"] },
  { args: ["get", "--prefix", "a", "--keys-only"] },
  { args: ["get", "--prefix", "", "--limit", "2", "--order", "DESCEND", "--sort-by", "KEY"] },
  { args: ["get", "a", "--rev", "2"] },
  { args: ["get", "a", "--rev", "999"] },
  { args: ["get", "--from-key", "ab", "--print-value-only"] },
  { args: ["get", "a", "-w", "fields"] },
  { args: ["get", "--prefix", "a", "-w", "json"] },
  { args: ["put", "", "x"] },
  { args: ["put", "--ignore-lease", "nothere", "x"] },
  { args: ["put", "--ignore-value", "nothere"] },
  { args: ["put", "--lease=1234", "a", "1"] },
  { args: ["del", "b"] },
  { args: ["del", "b"] },
  { args: ["del", "--prefix", "--prev-kv", "ab"] },
  { args: ["txn"], input: 'value("a") = "3"\n\nput a 4\nget a\n\nput a 5\n\n' },
  { args: ["txn"], input: 'mod("a") > "100"\n\nput a 6\n\nget a\ndel a\n\n' },
  { args: ["txn"], input: 'create("new") = "0"\n\nput new v\n\n\n' },
  { args: ["txn"], input: "\nput k 1\nput k 2\n\n\n" },
  { args: ["compact", "4"] },
  { args: ["compact", "3"] },
  { args: ["compact", "400"] },
  { args: ["get", "a", "--rev", "2"] },
  { args: ["member", "list"] },
  { args: ["member", "list", "-w", "table"] },
  { args: ["endpoint", "status"] },
  { args: ["endpoint", "health"] },
];

/** Plays everything against `endpoint`, which must be a fresh store. */
export async function play(endpoint: string): Promise<string[]> {
  const story: string[] = [];
  for (const { args, input } of before) {
    story.push(render(args, await etcdctl(endpoint, args, input), endpoint));
  }
  // grpc-go puts such a target into `:authority` as it is; Go's server does not mind.
  for (const args of [
    ["endpoint", "status"],
    ["get", "a"],
  ]) {
    story.push(`by URL: ${render(args, await etcdctl(`http://${endpoint}`, args), endpoint)}`);
  }
  story.push(...(await playLease(endpoint)), ...(await playWatch(endpoint)));
  return story;
}

async function playLease(endpoint: string): Promise<string[]> {
  const story: string[] = [];
  const run = async (...args: string[]): Promise<Printed> => {
    const printed = await etcdctl(endpoint, args);
    story.push(render(args, printed, endpoint));
    return printed;
  };
  const granted = await run("lease", "grant", "600");
  const id = /lease ([0-9a-f]+) granted/.exec(granted.stdout)?.[1] ?? "0";
  await run("put", `--lease=${id}`, "leased", "v");
  await run("lease", "timetolive", id, "--keys");
  await run("lease", "list");
  await run("lease", "keep-alive", "--once", id);
  const alive = new RunningEtcdctl(endpoint, ["lease", "keep-alive", id]);
  story.push(tidy(await alive.until((text) => text.includes("keepalived")), endpoint));
  await alive.stop();
  await run("lease", "revoke", id);
  await run("get", "leased");
  await run("lease", "revoke", id);
  await run("lease", "timetolive", id);
  await run("lease", "keep-alive", "--once", id);
  return story;
}

async function playWatch(endpoint: string): Promise<string[]> {
  const before = await etcdctl(endpoint, ["put", "w/0", "zero", "-w", "json"]);
  const revision = Number(/"revision":(\d+)/.exec(before.stdout)?.[1]);
  const args = ["watch", "--prefix", "--prev-kv", `--rev=${revision}`, "w/"];
  const watch = new RunningEtcdctl(endpoint, args);
  await watch.until((text) => text.includes("zero"));
  await etcdctl(endpoint, ["put", "w/1", "one"]);
  await etcdctl(endpoint, ["put", "w/1", "uno"]);
  await etcdctl(endpoint, ["txn"], "\nput w/2 two\nput w/3 three\n\n\n");
  await etcdctl(endpoint, ["del", "--prefix", "w/"]);
  const printed = await watch.until(
    (text) => (text.match(/DELETE/g)?.length ?? 0) === 4 && /w\/3\n(three\n)?w\/3\n\n$/.test(text),
  );
  await watch.stop();
  const compacted = new RunningEtcdctl(endpoint, ["watch", "--rev=2", "a"]);
  const reason = await compacted.until((text) => text.includes("canceled by the server"));
  await compacted.stop();
  return [`watch\n${tidy(printed, endpoint)}`, `watch from a compacted revision\n${tidy(reason, endpoint)}`];
}

function render(args: readonly string[], { stdout, stderr, exitCode }: Printed, endpoint: string): string {
  const parts = [`$ etcdctl ${args.join(" ")} -> ${exitCode}`, stdout, stderr];
  return tidy(parts.filter((part) => part !== "").join("\n"), endpoint);
}

/** Replaces what may differ: addresses, member and lease ids, sizes, terms, indexes, log timestamps, durations. */
function tidy(text: string, endpoint: string): string {
  return text
    .replaceAll(endpoint, "ENDPOINT")
    .replace(/\{"level":"warn".*"error":"(.*?)"\}/g, "warn: $1")
    .replace(/took = \S+/g, "took = DURATION")
    .replace(
      /^(http:\/\/)?ENDPOINT, .*$/gm,
      (line) => `endpoint status with ${line.split(", ").length} columns`,
    )
    .replace(/"(cluster_id|member_id|raft_term)":\d+/g, '"$1":N')
    .replace(/"(ClusterID|MemberID|RaftTerm)" : \d+/g, '"$1" : N')
    .replace(/^[0-9a-f]+, started, .*?, (\w+)$/gm, "ID, started, NAME, PEER, CLIENT, $1")
    .replace(/^\| +[0-9a-f]+ \| started .*\| +(\w+) \|$/gm, "| ID | started | NAME | PEER | CLIENT | $1 |")
    .replace(/\b[0-9a-f]{14,16}\b/g, "ID")
    .replace(/remaining\(\d+s\)/g, "remaining(Ns)")
    .replace(/-{3,}/g, "-----")
    .replace(/ *\| */g, "|");
}
