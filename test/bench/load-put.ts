/**
 * Puts of one size against an endpoint for some seconds, closed loop: `clients` calls are always in progress, spread over
 * `connections`. Prints one JSON line. Works against any etcd v3 server on loopback.
 *
 *   node test/bench/load-put.ts --endpoint 127.0.0.1:2379 --connections 10 --clients 100 --seconds 5
 */
import { parseArgs } from "node:util";
import { grpcFrame } from "../../src/store/wire/grpc-frame.ts";
import { PutRequest } from "../../src/store/wire/messages.ts";
import { LoadConnection } from "./http2-load-connection.ts";

const { values } = parseArgs({
  options: {
    endpoint: { type: "string", default: "127.0.0.1:2379" },
    connections: { type: "string", default: "10" },
    clients: { type: "string", default: "100" },
    seconds: { type: "string", default: "5" },
    "value-bytes": { type: "string", default: "256" },
    keys: { type: "string", default: "10000" },
  },
});
const url = new URL(`http://${values.endpoint.replace(/^http:\/\//, "")}`);
const [connectionCount, clients, seconds, valueBytes, keyCount] = [
  values.connections,
  values.clients,
  values.seconds,
  values["value-bytes"],
  values.keys,
].map(Number) as [number, number, number, number, number];

/** Encoded ahead, so that the measured time is the server's and not the encoder's. */
const requests = Array.from({ length: keyCount }, (_, i) => {
  const key = Buffer.from(`bench/${String(i).padStart(8, "0")}`);
  return grpcFrame(PutRequest.encode({ key, value: Buffer.alloc(valueBytes, 0x61 + (i % 26)) }));
});

const connections = await Promise.all(
  Array.from({ length: connectionCount }, () =>
    LoadConnection.open(url.hostname, Number(url.port), "/etcdserverpb.KV/Put"),
  ),
);
const latenciesMs: number[] = [];
let errors = 0;
let next = 0;
let inProgress = 0;
const drained = Promise.withResolvers<void>();
const startedMs = performance.now();
const endMs = startedMs + seconds * 1000;
const cpu = process.cpuUsage();

function put(connection: LoadConnection): void {
  const sentMs = performance.now();
  inProgress++;
  connection.call(requests[next++ % keyCount]!, (ok) => {
    const nowMs = performance.now();
    inProgress--;
    if (ok) latenciesMs.push(nowMs - sentMs);
    else errors++;
    if (nowMs < endMs && errors < 1000) put(connection);
    else if (inProgress === 0) drained.resolve();
  });
}
for (let i = 0; i < clients; i++) put(connections[i % connectionCount]!);
await drained.promise;

const elapsedS = (performance.now() - startedMs) / 1000;
const used = process.cpuUsage(cpu);
const sorted = Float64Array.from(latenciesMs).sort();
const percentile = (fraction: number): number =>
  Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? 0).toFixed(3));
console.log(
  JSON.stringify({
    putsPerSecond: Math.round(latenciesMs.length / elapsedS),
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    p999Ms: percentile(0.999),
    puts: latenciesMs.length,
    errors,
    seconds: Number(elapsedS.toFixed(2)),
    connections: connectionCount,
    clients,
    valueBytes,
    /** Share of one core that the generator itself used. */
    generatorCpu: Number(((used.user + used.system) / 1e6 / elapsedS).toFixed(2)),
  }),
);
for (const connection of connections) connection.close();
if (errors > 0) process.exitCode = 1;
