/** What can be measured. Each takes a subject and gives rows of one table; nothing here judges. */
import { setTimeout as delay } from "node:timers/promises";
import { BenchServer, runScript, type Subject } from "./server.ts";

/** One line of the table: a figure of one subject. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
}

const startRounds = 10;
const idleSeconds = 10;
const putSeconds = 5;
const callSeconds = 3;
const keyCount = 1_000_000;

async function start(subject: Subject): Promise<Figure[]> {
  const times: number[] = [];
  for (let round = 0; round < startRounds; round++) {
    await using server = await BenchServer.start(subject);
    times.push(server.startMs);
  }
  times.sort((a, b) => a - b);
  const median = ((times[startRounds / 2 - 1] ?? 0) + (times[startRounds / 2] ?? 0)) / 2;
  return [
    { what: `start to first answer, median of ${startRounds}`, value: median, unit: "ms" },
    { what: "start to first answer, slowest", value: times.at(-1) ?? 0, unit: "ms" },
  ];
}

async function memory(subject: Subject): Promise<Figure[]> {
  await using server = await BenchServer.start(subject);
  const before = await server.cpuSeconds();
  await delay(idleSeconds * 1000);
  const { residentMb, privateMb } = await server.memory();
  const busy = ((await server.cpuSeconds()) - before) / idleSeconds;
  return [
    { what: `resident memory, idle for ${idleSeconds} s`, value: residentMb, unit: "MB" },
    { what: "of it anonymous (not the program's file)", value: privateMb, unit: "MB" },
    { what: "processor, idle", value: busy * 1000, unit: "ms/s" },
  ];
}

async function put(subject: Subject): Promise<Figure[]> {
  await using server = await BenchServer.start(subject);
  await load(server, { call: "put", connections: 10, clients: 100, seconds: 1 });
  const before = await server.cpuSeconds();
  const result = await load(server, { call: "put", connections: 10, clients: 100, seconds: putSeconds });
  const cpuSeconds = (await server.cpuSeconds()) - before;
  const { residentMb } = await server.memory();
  return [
    { what: "puts, 100 clients on 10 connections, 256 B", value: result.perSecond, unit: "/s" },
    { what: "put, median", value: result.p50Ms, unit: "ms" },
    { what: "put, 99 of 100 below", value: result.p99Ms, unit: "ms" },
    {
      what: "server's processor time per put",
      value: (cpuSeconds * 1e6) / (result.perSecond * putSeconds),
      unit: "us",
    },
    { what: "resident memory after the puts", value: residentMb, unit: "MB" },
  ];
}

interface UnaryLoad {
  readonly call: "put" | "range" | "range-serializable" | "txn";
  readonly connections: number;
  readonly clients: number;
  readonly seconds: number;
}
interface LoadResult {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

async function load(server: BenchServer, options: UnaryLoad): Promise<LoadResult> {
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const result = await runScript("load-unary.ts", ["--endpoint", server.endpoint, ...flags]);
  return result as unknown as LoadResult;
}

/** Everything that etcd's own benchmark looks at, one after the other on one server. */
async function everyCall(subject: Subject): Promise<Figure[]> {
  await using server = await BenchServer.start(subject);
  const figures: Figure[] = [];
  for (const call of ["put", "txn", "range", "range-serializable"] as const) {
    for (const [connections, clients] of [
      [1, 1],
      [1, 1000],
      [100, 1000],
    ] as const) {
      const result = await load(server, { call, connections, clients, seconds: callSeconds });
      const what = `${call}, ${clients} clients on ${connections} connections`;
      figures.push(
        { what, value: result.perSecond, unit: "/s" },
        { what: "  99 of 100 below", value: result.p99Ms, unit: "ms" },
      );
    }
  }
  return figures;
}

async function watch(subject: Subject): Promise<Figure[]> {
  await using server = await BenchServer.start(subject);
  const flags = ["--endpoint", server.endpoint, "--seconds", String(callSeconds)];
  const result = await runScript("load-watch.ts", flags);
  return [
    { what: "events to 1,000 watchers of one key", value: Number(result.eventsPerSecond), unit: "/s" },
    { what: "put to last watcher, median", value: Number(result.p50Ms), unit: "ms" },
    { what: "put to last watcher, 99 of 100 below", value: Number(result.p99Ms), unit: "ms" },
  ];
}

async function lease(subject: Subject): Promise<Figure[]> {
  await using server = await BenchServer.start(subject);
  const flags = ["--endpoint", server.endpoint, "--seconds", String(callSeconds)];
  const result = await runScript("load-lease.ts", flags);
  return [
    { what: "keepalives of 10,000 leases, 100 streams", value: Number(result.perSecond), unit: "/s" },
    { what: "keepalive, 99 of 100 below", value: Number(result.p99Ms), unit: "ms" },
  ];
}

/** A million keys of 256 bytes: what they take, and how long a start on them. */
async function keys(subject: Subject): Promise<Figure[]> {
  const script = (server: BenchServer, ...more: string[]) =>
    runScript("load-keys.ts", ["--endpoint", server.endpoint, "--keys", String(keyCount), ...more]);
  await using first = await BenchServer.start(subject);
  const { fillMs } = await script(first);
  const filled = await first.memory();
  await using killed = await first.restart("SIGKILL");
  await script(killed, "--ask");
  await using server = await killed.restart("SIGTERM");
  const { count, countMs } = await script(server, "--ask");
  if (count !== keyCount) throw new Error(`${subject.name} has ${count} of ${keyCount} keys`);
  const restarted = await server.memory();
  return [
    {
      what: "a million keys of 256 B: puts, 40 a transaction",
      value: (keyCount * 1000) / Number(fillMs),
      unit: "/s",
    },
    { what: "resident memory after them", value: filled.residentMb, unit: "MB" },
    { what: "of it anonymous", value: filled.privateMb, unit: "MB" },
    { what: "start after SIGKILL", value: killed.startMs, unit: "ms" },
    { what: "start after SIGTERM", value: server.startMs, unit: "ms" },
    { what: "resident memory after that", value: restarted.residentMb, unit: "MB" },
    { what: "of it anonymous", value: restarted.privateMb, unit: "MB" },
    { what: "counting all of them", value: Number(countMs), unit: "ms" },
  ];
}

async function etcd(subject: Subject): Promise<Figure[]> {
  return [...(await everyCall(subject)), ...(await watch(subject)), ...(await lease(subject))];
}

export const measures: Readonly<Record<string, (subject: Subject) => Promise<Figure[]>>> = {
  start,
  memory,
  put,
  calls: everyCall,
  watch,
  lease,
  keys,
  etcd,
};

/** Measured without being named; `etcd` is the long run, and holds `calls`, `watch` and `lease`. */
export const defaultMeasures: readonly string[] = ["start", "memory", "put"];
