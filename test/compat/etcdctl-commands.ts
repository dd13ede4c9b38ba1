/**
 * Every v3 command of etcdctl 3.4 that etcdctl-story.ts, auth-story.ts and the membership tests do not play, in each output
 * format: what each printed, with the names that differ from server to server replaced.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { etcdctl, type Printed, RunningEtcdctl } from "./etcdctl.ts";

/** A command line; `<` stands before what it reads from standard input. */
type Step = string;

const keys: readonly Step[] = [
  "put k1 v1",
  "put k2 v2",
  "put k2 v22",
  "put k3 < from the input",
  "put -- -dash value",
  ...["simple", "json", "fields", "protobuf"].flatMap((format) => [
    `put f ${format} -w ${format}`,
    `put f again --prev-kv -w ${format}`,
    `get k1 k9 -w ${format}`,
    `get nothing -w ${format}`,
    `del f --prev-kv -w ${format}`,
    `txn -w ${format} < version("k1") = "1"\n\nget k1\nput t 1\ndel nothing\n\n\n`,
  ]),
  "get k1 -w table",
  "put k1 v1 -w table",
  "get k1 --hex",
  "get k --prefix --hex --keys-only",
  "get k1 --consistency=s",
  "get k1 --consistency=x",
  "get k1 k3",
  "get k2 --from-key --limit 1",
  "get k --prefix --print-value-only",
  "get k --prefix --sort-by=VERSION --order=DESCEND",
  "get k --prefix --sort-by=CREATE --order=ASCEND --keys-only",
  "get k --prefix --sort-by=MODIFY --order=DESCEND --keys-only",
  "get k --prefix --sort-by=VALUE --order=DESCEND --keys-only",
  "get k --prefix --sort-by=NONSENSE",
  "get k --prefix --from-key",
  "get",
  "get a b c",
  "put",
  "put k1 --ignore-value",
  "put k1 v --ignore-value",
  "put k1 value --lease=zz",
  "put k1 v1 --ignore-lease",
  "del k1 k2",
  "del k --prefix --prev-kv",
  "del zzz --from-key",
  "del",
  "del '' --from-key",
  'txn < mod("k") = "0"\n\nput k 1\n\n\n',
  'txn < create("k") > "0"\nver("k") > "0"\n\nget k\n\n\n',
  "txn < nonsense\n\n\n\n",
  'txn -i < value("k") = "1"\n\nput k 2\n\nput k 3\n\n',
  "txn < \nput big 1\nput big 2\n\n\n",
  "compaction 5",
  "compaction 6 --physical",
  "compaction 5",
  "compaction 999999",
  "compaction nonsense",
  "get k --rev=3",
  "get k --rev=3 -w json",
];

const server: readonly Step[] = [
  ...["simple", "json", "fields", "table", "protobuf"].flatMap((format) =>
    ["member list", "endpoint status", "endpoint hashkv", "endpoint health", "lease list"].map(
      (command) => `${command} -w ${format}`,
    ),
  ),
  "endpoint status --cluster",
  "endpoint health --cluster",
  "endpoint hashkv --cluster",
  "endpoint hashkv --rev=10",
  "endpoint hashkv --rev=1",
  "endpoint hashkv --rev=99999",
  // In other formats etcdctl 3.4 stumbles over its own server, whose answer has no header.
  "alarm list",
  "alarm list -w simple",
  "alarm disarm",
  "defrag",
  "defrag --cluster",
  "version",
  "move-leader 123",
  "move-leader nonsense",
  "lease grant",
  "lease grant nonsense",
  "lease grant 9000000001",
  "lease timetolive 1234",
  "lease timetolive 1234 -w json",
  "lease timetolive 1234 -w fields",
  "lease revoke 1234",
  "lease revoke nonsense",
  "lease keep-alive --once 1234",
  "lease grant 100 -w json",
  "lease grant 100 -w fields",
  "lease list",
  "member add",
  "member promote 123",
  "member remove 123",
  "member update 123 --peer-urls=http://127.0.0.1:1",
  "member add m9 --peer-urls=nonsense",
];

/** Plays everything against `endpoint`, which must be a fresh store. */
export async function playCommands(endpoint: string): Promise<string[]> {
  const story: string[] = [];
  for (const step of keys) story.push(await play(endpoint, step));
  story.push(...(await watches(endpoint)));
  story.push(...(await locksAndElections(endpoint)));
  story.push(...(await mirror(endpoint)));
  story.push(...(await snapshots(endpoint)));
  for (const step of server) story.push(await play(endpoint, step));
  // Last, because nobody knows how many revisions they take.
  story.push(await liveWatch(endpoint), await dataScale(endpoint));
  return story;
}

/** Moves leadership by etcdctl; `endpoints` are those of a cluster of three. */
export async function playMoveLeader(endpoints: readonly string[]): Promise<string[]> {
  const all = endpoints.join(",");
  const status = await etcdctl(all, ["endpoint", "status", "-w", "json"]);
  const members = JSON.parse(status.stdout) as Array<{
    Endpoint: string;
    Status: { header: { member_id: number }; leader: number };
  }>;
  // The ids are beyond what JSON numbers hold exactly, so they are taken as text.
  const ids = [...status.stdout.matchAll(/"member_id":(\d+)/g)].map(([, id]) => BigInt(id!));
  const leader = [...status.stdout.matchAll(/"leader":(\d+)/g)].map(([, id]) => BigInt(id!))[0]!;
  const leaderAt = members[ids.indexOf(leader)]!.Endpoint;
  const target = ids.find((id) => id !== leader)!;
  const followerAt = members[ids.indexOf(target)]!.Endpoint;
  const hex = target.toString(16);
  const hide = (printed: Printed, name: string): string =>
    `${name} -> ${printed.exitCode}\n${printed.stdout}${printed.stderr}`
      .replace(/127\.0\.0\.1:\d+/g, "ADDRESS")
      .replaceAll(hex, "TARGET")
      .replaceAll(leader.toString(16), "LEADER");
  return [
    hide(await etcdctl(followerAt, ["move-leader", hex]), "at a follower"),
    hide(await etcdctl(leaderAt, ["move-leader", hex]), "at the leader"),
    hide(await etcdctl(leaderAt, ["put", "a", "b"]), "a put afterwards"),
    hide(await etcdctl(all, ["move-leader", leader.toString(16)]), "back, with all endpoints"),
  ];
}

async function revisionOfPut(endpoint: string, key: string, value: string): Promise<number> {
  const { stdout } = await etcdctl(endpoint, ["put", key, value, "-w", "json"]);
  return Number(/"revision":(\d+)/.exec(stdout)?.[1]);
}

async function watches(endpoint: string): Promise<string[]> {
  const story: string[] = [];
  const put = (key: string, value: string) => etcdctl(endpoint, ["put", key, value]);
  // A line of output is one write, an event several: it is all there when the last line of the last event is.
  const compare = async (line: string, last: RegExp): Promise<void> => {
    const revision = await revisionOfPut(endpoint, "x0", "start");
    await put("x1", "one");
    await etcdctl(endpoint, ["del", "x1"]);
    const watch = new RunningEtcdctl(endpoint, words(`${line} --rev=${revision}`));
    const printed = await watch.until((text) => last.test(text));
    await watch.stop();
    story.push(tidy(`${line}\n${printed}`, endpoint));
  };
  await compare("watch --prefix x", /DELETE\nx1\n\n$/);
  await compare("watch x0 x9", /DELETE\nx1\n\n$/);
  await compare("watch --prefix x -w json", /eDA=.*eDE=.*eDE=.*\n$/s);
  await compare("watch --prefix x -w fields", /DELETE\n.*"Lease" : 0\n$/s);
  await compare("watch --prefix x --prev-kv", /DELETE\nx1\none\nx1\n\n$/);
  // A program for each event, with what happened in its environment.
  const revision = await revisionOfPut(endpoint, "e0", "seen");
  const program = 'echo "ran $ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY $ETCD_WATCH_VALUE"';
  const exec = new RunningEtcdctl(endpoint, ["watch", "e0", `--rev=${revision}`, "--", "sh", "-c", program]);
  story.push(await exec.until((text) => text.includes("ran ")));
  await exec.stop();
  const interactive = new RunningEtcdctl(endpoint, ["watch", "-i"], `watch --rev=${revision} e0\n`);
  story.push(await interactive.until((text) => text.includes("seen")));
  await interactive.stop();
  return story;
}

/** Ten thousand keys; reads the server's memory from its metrics. `check perf`, its sister, takes a whole minute. */
async function dataScale(endpoint: string): Promise<string> {
  const { stdout, exitCode } = await etcdctl(endpoint, ["check", "datascale"]);
  const [title] = stdout.split("\n");
  return `${title} -> ${exitCode}, ${/PASS: Approximate system memory used/.test(stdout) ? "passed" : stdout}`;
}

async function liveWatch(endpoint: string): Promise<string> {
  const put = (key: string, value: string) => etcdctl(endpoint, ["put", key, value]);
  // A watch from now on says nothing when it begins: a key is put until it is seen.
  const live = new RunningEtcdctl(endpoint, words("watch --prefix w"));
  while (!live.printed.includes("begun")) await put("w1", "begun");
  await put("w2", "marker");
  await put("w3", "last");
  const seen = await live.until((text) => text.endsWith("w3\nlast\n"));
  await live.stop();
  return seen.replace(/^(PUT\nw1\nbegun\n)+/, "");
}

async function locksAndElections(endpoint: string): Promise<string[]> {
  const story: string[] = [];
  story.push(await play(endpoint, "lock mutex echo locked"));
  story.push(await play(endpoint, "lock mutex false"));
  const holder = new RunningEtcdctl(endpoint, ["lock", "mutex"]);
  story.push(masked(await holder.until((text) => /^mutex\/[0-9a-f]+\n/.test(text))));
  const waiter = new RunningEtcdctl(endpoint, ["lock", "mutex", "echo", "mine"]);
  for (;;) {
    const { stdout } = await etcdctl(endpoint, ["get", "--prefix", "mutex/", "--keys-only"]);
    if (stdout.trim().split(/\n+/).length === 2) break;
  }
  await holder.interrupt();
  story.push(masked(await waiter.end()));
  const leader = new RunningEtcdctl(endpoint, ["elect", "post", "alpha"]);
  story.push(masked(await leader.until((text) => text.includes("alpha"))));
  const listener = new RunningEtcdctl(endpoint, ["elect", "--listen", "post"]);
  story.push(masked(await listener.until((text) => text.includes("alpha"))));
  const next = new RunningEtcdctl(endpoint, ["elect", "post", "beta"]);
  for (;;) {
    const { stdout } = await etcdctl(endpoint, ["get", "--prefix", "post/", "--keys-only"]);
    if (stdout.trim().split(/\n+/).length === 2) break;
  }
  await leader.interrupt();
  story.push(masked(await next.until((text) => text.includes("beta"))));
  story.push(masked(await listener.until((text) => text.includes("beta"))));
  await listener.stop();
  await next.interrupt();
  story.push(await play(endpoint, "elect"), await play(endpoint, "lock"));
  return story;
}

/** Lease ids at the end of the keys of locks and elections. */
function masked(text: string): string {
  return text.replace(/(mutex|post)\/[0-9a-f]+/g, "$1/LEASE");
}

/** From one prefix of the store to another of the same. */
async function mirror(endpoint: string): Promise<string[]> {
  await etcdctl(endpoint, ["put", "src/old", "1"]);
  const running = new RunningEtcdctl(endpoint, [
    "make-mirror",
    "--prefix=src/",
    "--dest-prefix=dst/",
    endpoint,
  ]);
  const read = (): Promise<Printed> => etcdctl(endpoint, ["get", "--prefix", "dst/"]);
  while (!(await read()).stdout.includes("dst/old")) {}
  await etcdctl(endpoint, ["put", "src/new", "2"]);
  await etcdctl(endpoint, ["del", "src/old"]);
  while ((await read()).stdout !== "dst/new\n2\n") {}
  await running.stop();
  return [(await read()).stdout];
}

async function snapshots(endpoint: string): Promise<string[]> {
  const directory = mkdtempSync(join(tmpdir(), "argosy-etcdctl-"));
  const file = join(directory, "snapshot.db");
  const numbers = (text: string): string =>
    text
      .replaceAll(directory, "DIR")
      .replace(/"ts":"[^"]*"|"caller":"[^"]*"|"took":"?[^",}]*"?|"size":"[^"]*"/g, "X");
  try {
    const saved = await etcdctl(endpoint, ["snapshot", "save", file]);
    const story = [`snapshot save -> ${saved.exitCode}\n${numbers(saved.stdout)}`];
    story.push(`a file of whole sectors and a sum: ${statSync(file).size % 512 === 32}`);
    for (const format of ["simple", "json", "fields", "table"]) {
      const status = await etcdctl(endpoint, ["snapshot", "status", file, "-w", format]);
      story.push(`snapshot status -w ${format} -> ${status.exitCode}\n${statusOnly(status.stdout)}`);
    }
    return story;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Hash and size of a snapshot belong to its pages; revision and number of keys must agree, up to etcd's own bookkeeping. */
function statusOnly(text: string): string {
  return text
    .replace(/^[0-9a-f]+, (\d+), \d+, [\d.]+ \S+$/m, "HASH, $1, KEYS, SIZE")
    .replace(/"(hash|totalKey|totalSize)":\d+/g, '"$1":N')
    .replace(/"(Hash|Keys|Size)" : \d+/g, '"$1" : N')
    .replace(/^\| *[0-9a-f]+ \| *(\d+) \| *\d+ \| *[\d.]+ \S+ \|$/m, "| HASH | $1 | KEYS | SIZE |")
    .replace(/-+/g, "-")
    .replace(/ *\| */g, "|");
}

async function play(endpoint: string, step: Step): Promise<string> {
  const [line, input = ""] = step.split(" < ");
  const { stdout, stderr, exitCode } = await etcdctl(endpoint, words(line!), input);
  const binary = line!.includes("protobuf") ? `${stdout.length > 0 ? "some bytes" : "nothing"}\n` : stdout;
  return tidy(`$ etcdctl ${step} -> ${exitCode}\n${binary}${stderr}`, endpoint);
}

function words(line: string): string[] {
  return line.split(" ").map((word) => (word === "''" ? "" : word));
}

/** Replaces what differs from server to server. */
function tidy(text: string, endpoint: string): string {
  return text
    .replaceAll(endpoint, "ENDPOINT")
    .replace(/127\.0\.0\.1:\d+/g, "ADDRESS")
    .replace(/\{"level":"warn".*"error":"(.*?)"\}/g, "warn: $1")
    .replace(/took = \S+|"took":"[^"]*"|"Took" : \S+/g, "TOOK")
    .replace(
      /"(cluster_id|member_id|raft_term|ID|id|leader|raftIndex|raftTerm|raftAppliedIndex|dbSize|dbSizeInUse|hash)":\d+/g,
      '"$1":N',
    )
    .replace(
      /"(ClusterID|MemberID|RaftTerm|ID|Leader|RaftIndex|RaftTerm|RaftAppliedIndex|DBSize|DBSizeInUse|Hash)" : \d+/g,
      '"$1" : N',
    )
    .replace(/"(version|name)":"[^"]+"/g, '"$1":S')
    .replace(/"(Version|Name)" : "[^"]+"/g, '"$1" : S')
    .replace(/"(RaftAppliedIndex|DbSize|RaftIndex|Leader)"\S* ?: ?\d+/g, "$1 N")
    .replace(/, \d+$/gm, ", HASH")
    .replace(
      /^(http:\/\/)?(ENDPOINT|ADDRESS), .*$/gm,
      (line) => `a line of ${line.split(", ").length} columns`,
    )
    .replace(/^\| .*(ENDPOINT|ADDRESS).*\|$/gm, (line) => `a row of ${line.split("|").length - 2} columns`)
    .replace(/^[0-9a-f]+, started, .*?, (\w+)$/gm, "ID, started, NAME, PEER, CLIENT, $1")
    .replace(/\b[0-9a-f]{14,16}\b/g, "ID")
    .replace(/\d+\.\d+\.\d+\w*(?= *\|)/g, "VERSION")
    .replace(/-{2,}/g, "--")
    .replace(/ *\| */g, "|");
}
