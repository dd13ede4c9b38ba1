/**
 * One writer, many watchers of the same key: how many events arrive in a second, and how long after a put was sent the last
 * watcher has it. Prints one JSON line.
 *
 *   node test/bench/load-watch.ts --endpoint 127.0.0.1:2379 --connections 10 --watchers 1000 --seconds 5
 */
import { parseArgs } from "node:util";
import { grpcFrame } from "../../src/store/wire/grpc-frame.ts";
import { PutRequest, WatchRequest, WatchResponse } from "../../src/store/wire/messages.ts";
import { LoadConnection } from "./http2-load-connection.ts";
import { percentiles } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    endpoint: { type: "string", default: "127.0.0.1:2379" },
    connections: { type: "string", default: "10" },
    watchers: { type: "string", default: "1000" },
    seconds: { type: "string", default: "5" },
    "value-bytes": { type: "string", default: "256" },
  },
});
const url = new URL(`http://${values.endpoint.replace(/^http:\/\//, "")}`);
const [connectionCount, watchers, seconds, valueBytes] = [
  values.connections,
  values.watchers,
  values.seconds,
  values["value-bytes"],
].map(Number) as [number, number, number, number];
const key = Buffer.from("bench/watched");
const put = grpcFrame(PutRequest.encode({ key, value: Buffer.alloc(valueBytes, 0x61) }));

let created = 0;
let events = 0;
let puts = 0;
let sentMs = 0;
let writing = true;
const latenciesMs: number[] = [];
const ready = Promise.withResolvers<void>();
const done = Promise.withResolvers<void>();

const connections = await Promise.all(
  Array.from({ length: connectionCount + 1 }, () =>
    LoadConnection.open(url.hostname, Number(url.port), "/etcdserverpb.KV/Put"),
  ),
);
const [writer, ...readers] = connections as [LoadConnection, ...LoadConnection[]];
const createRequest = grpcFrame(WatchRequest.encode({ create_request: { key } }));
for (const [i, reader] of readers.entries()) {
  const stream = reader.stream("/etcdserverpb.Watch/Watch", receive, () =>
    done.reject(new Error("a watch stream ended")),
  );
  for (let n = i; n < watchers; n += connectionCount) stream.write(createRequest);
}
await ready.promise;

const startedMs = performance.now();
const endMs = startedMs + seconds * 1000;
next();
await done.promise;
const elapsedS = (performance.now() - startedMs) / 1000;
console.log(
  JSON.stringify({
    eventsPerSecond: Math.round(events / elapsedS),
    putsPerSecond: Math.round(puts / elapsedS),
    ...percentiles(latenciesMs),
    watchers,
    connections: connectionCount,
    valueBytes,
  }),
);
for (const connection of connections) connection.close();

/** The next put goes out when every watcher has seen the last one: latency, not queueing, is measured. */
function next(): void {
  sentMs = performance.now();
  puts++;
  writer.call(put, (ok) => {
    if (!ok) done.reject(new Error("a put failed"));
  });
}

function receive(message: Buffer): void {
  // An event is told from other responses by its size; decoding each would measure the generator.
  if (created < watchers) {
    if (WatchResponse.decode(message).created && ++created === watchers) ready.resolve();
    return;
  }
  events++;
  if (events < puts * watchers) return;
  const nowMs = performance.now();
  latenciesMs.push(nowMs - sentMs);
  if (nowMs >= endMs) writing = false;
  if (writing) next();
  else done.resolve();
}
