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
  const load = (seconds: number) =>
    runScript("load-put.ts", [
      ...[
        "--endpoint",
        server.endpoint,
        "--connections",
        "10",
        "--clients",
        "100",
        "--seconds",
        String(seconds),
      ],
    ]);
  await load(1);
  const before = await server.cpuSeconds();
  const result = await load(putSeconds);
  const cpuSeconds = (await server.cpuSeconds()) - before;
  const { residentMb } = await server.memory();
  const figure = (what: string, value: unknown, unit: string): Figure[] =>
    typeof value === "number" ? [{ what, value, unit }] : [];
  const perSecond = Number(result.putsPerSecond);
  return [
    ...figure("puts, 100 clients on 10 connections, 256 B", result.putsPerSecond, "/s"),
    ...figure("put, median", result.p50Ms, "ms"),
    ...figure("put, 99 of 100 below", result.p99Ms, "ms"),
    ...figure("server's processor time per put", (cpuSeconds * 1e6) / (perSecond * putSeconds), "us"),
    ...figure("resident memory after the puts", residentMb, "MB"),
  ];
}

export const measures: Readonly<Record<string, (subject: Subject) => Promise<Figure[]>>> = {
  start,
  memory,
  put,
};
