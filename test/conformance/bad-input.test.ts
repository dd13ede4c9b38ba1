/**
 * What cannot work ends before it begins: the program as a user runs it, one line that names the flag or file and what to
 * do, an exit code that is not 0, and nothing written.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { type Test, test } from "tap";
import { freePorts, startCluster } from "../support/agents.ts";

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

async function agent(cwd: string, words: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...words], { cwd, stdio: ["ignore", "ignore", "pipe"] });
  const stderr = text(child.stderr);
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { code, stderr: await stderr };
}

/** What a directory holds, content included: equal before and after means that nothing was written. */
async function contents(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const hashed = files.map(async (file) => {
    const path = join(file.parentPath, file.name);
    return [
      path,
      createHash("sha256")
        .update(await readFile(path).catch(() => "may not be read"))
        .digest("hex"),
    ];
  });
  return Object.fromEntries(await Promise.all(hashed));
}

async function workplace(t: Test): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "argosy-bad-"));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function refuses(t: Test, directory: string, words: readonly string[], says: RegExp): Promise<void> {
  const before = await contents(directory);
  const { code, stderr } = await agent(directory, words);
  t.ok(code !== 0 && code !== null && code < 70, `exit code ${code}`);
  const lines = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
  t.equal(lines.length, 1, `one line: ${stderr}`);
  t.match(lines[0] ?? "", says);
  t.same(await contents(directory), before, "nothing was written");
}

/** Flags of a member on ports of its own, in `directory`/data. */
async function memberFlags(name = "m1"): Promise<string[]> {
  const [client, peer] = await freePorts(2);
  return [
    ...[
      "run",
      "--name",
      name,
      "--units",
      "off",
      "--network",
      "off",
      "--data-dir",
      "data",
      "--log-level",
      "error",
    ],
    ...[
      "--listen-client-urls",
      `http://127.0.0.1:${client}`,
      "--initial-cluster",
      `${name}=http://127.0.0.1:${peer}`,
    ],
  ];
}

/** Runs a member until it serves, then stops it in good order. */
async function makeMember(directory: string, flags: readonly string[]): Promise<void> {
  const child = spawn(process.execPath, [main, ...flags, "--log-level", "info"], {
    cwd: directory,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ready = new Promise<void>((resolve) => {
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      if (chunk.includes("ready to serve client requests")) resolve();
    });
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await ready;
  child.kill("SIGTERM");
  await ended;
}

test("flags", async (t) => {
  const directory = await workplace(t);
  await refuses(t, directory, ["run", "--nmae", "x"], /--nmae.*--name/);
  await refuses(
    t,
    directory,
    ["run", "--listen-client-urls", "localhost"],
    /--listen-client-urls.*http:\/\//,
  );
  const cluster = "h1=http://127.0.0.1:2380";
  await refuses(
    t,
    directory,
    ["run", "--name", "h9", "--initial-cluster", cluster],
    /--initial-cluster.*"h9".*h1/,
  );
});

test("a port in use", async (t) => {
  const directory = await workplace(t);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const taken = `http://127.0.0.1:${port}`;
  const flags = await memberFlags();
  await refuses(
    t,
    directory,
    [...flags, "--listen-client-urls", taken],
    new RegExp(`--listen-client-urls.*${port}.*in use`),
  );
  await refuses(
    t,
    directory,
    [...flags, "--listen-peer-urls", taken],
    new RegExp(`--listen-peer-urls.*${port}.*in use`),
  );
});

test("a data directory of another cluster", async (t) => {
  const directory = await workplace(t);
  await makeMember(directory, await memberFlags("m1"));
  await refuses(t, directory, await memberFlags("m2"), /data.*belongs to cluster.*--data-dir/);
});

test("a data directory that another process uses", async (t) => {
  const directory = await workplace(t);
  const cluster = await startCluster(1, { "data-dir": join(directory, "data") });
  t.teardown(() => cluster.close());
  const member = cluster.agents[0]!.agent.server!.store.members.list()[0]!;
  const flags = await memberFlags("m1");
  const peer = [
    "--initial-cluster",
    `m1=${member.peerURLs[0]}`,
    "--listen-peer-urls",
    flags.at(-1)!.slice(3),
  ];
  const { code, stderr } = await agent(directory, [...flags.slice(0, -2), ...peer]);
  t.not(code, 0);
  t.match(stderr, /data.*(in use|another process|locked|already)/i);
});

test("a log that is damaged, or cannot be read", async (t) => {
  const directory = await workplace(t);
  const flags = await memberFlags();
  await makeMember(directory, flags);
  await makeMember(directory, flags);
  const [segment] = await readdir(join(directory, "data/wal"));
  const path = join(directory, "data/wal", segment!);
  const file = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, 60);
  await file.write(Buffer.from([byte[0]! ^ 0xff]), 0, 1, 60);
  await file.close();
  await refuses(t, directory, flags, new RegExp(`${segment}.*(byte|offset)`));
  if (process.getuid?.() === 0) return t.comment("root reads every file: the unreadable one is not tried");
  await chmod(path, 0);
  await refuses(t, directory, flags, new RegExp(segment!));
});

test("a data directory without its log", async (t) => {
  const directory = await workplace(t);
  const flags = await memberFlags();
  await makeMember(directory, flags);
  await rm(join(directory, "data/wal"), { recursive: true });
  await refuses(t, directory, flags, /data\/wal holds no log.*restore/);
});

test("a unit file without a section, a network that does not parse", async (t) => {
  const directory = await workplace(t);
  const cluster = await startCluster(1);
  t.teardown(() => cluster.close());
  const endpoint = ["--endpoint", `http://${cluster.agents[0]!.endpoint}`];
  await writeFile(join(directory, "bare.service"), "ExecStart=/bin/true\n");
  await refuses(t, directory, ["unit", "start", "bare.service", ...endpoint], /bare\.service.*section/);
  await refuses(t, directory, ["net", "config", "set", "{Network:", ...endpoint], /JSON|parse/i);
  const tooSmall = '{"Network":"10.0.0.0/31"}';
  await refuses(t, directory, ["net", "config", "set", tooSmall, ...endpoint], /Network|SubnetLen/);
  const { kv } = cluster.agents[0]!.agent;
  t.equal(
    (await kv.range({ key: Buffer.from("/"), range_end: Buffer.from("0"), keys_only: true })).kvs.filter(
      (pair) => !pair.key.toString().includes("engine"),
    ).length,
    0,
    "the store holds none of it",
  );
});
