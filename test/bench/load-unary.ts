/**
 * One kind of unary call against an endpoint for some seconds, closed loop: `clients` calls are always in progress, spread over
 * `connections`. Prints one JSON line. Works against any etcd v3 server on loopback.
 *
 *   node test/bench/load-unary.ts --call put --endpoint 127.0.0.1:2379 --connections 10 --clients 100 --seconds 5
 */
import { parseArgs } from "node:util";
import { grpcFrame } from "../../src/store/wire/grpc-frame.ts";
import { PutRequest, RangeRequest, TxnRequest } from "../../src/store/wire/messages.ts";
import { LoadConnection } from "./http2-load-connection.ts";
import { percentiles } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    endpoint: { type: "string", default: "127.0.0.1:2379" },
    call: { type: "string", default: "put" },
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

const keyOf = (i: number): Buffer => Buffer.from(`bench/${String(i).padStart(8, "0")}`);
const contentOf = (i: number): Buffer => Buffer.alloc(valueBytes, 0x61 + (i % 26));
const put = (i: number): Buffer => PutRequest.encode({ key: keyOf(i), value: contentOf(i) });
/** What Kubernetes does: write if the key is as it was, else read it. Here the compare always holds. */
const txn = (i: number): Buffer =>
  TxnRequest.encode({
    compare: [{ key: keyOf(i), target: 2, result: 2, mod_revision: 2 ** 40 }],
    success: [{ request_put: { key: keyOf(i), value: contentOf(i) } }],
    failure: [{ request_range: { key: keyOf(i) } }],
  });
const calls: Readonly<Record<string, { path: string; encode: (i: number) => Buffer }>> = {
  put: { path: "/etcdserverpb.KV/Put", encode: put },
  range: { path: "/etcdserverpb.KV/Range", encode: (i) => RangeRequest.encode({ key: keyOf(i) }) },
  "range-serializable": {
    path: "/etcdserverpb.KV/Range",
    encode: (i) => RangeRequest.encode({ key: keyOf(i), serializable: true }),
  },
  txn: { path: "/etcdserverpb.KV/Txn", encode: txn },
};
const call = calls[values.call];
if (!call) throw new Error(`--call ${values.call}: there are ${Object.keys(calls).join(", ")}`);

/** Encoded ahead, so that the measured time is the server's and not the encoder's. */
const requests = Array.from({ length: keyCount }, (_, i) => grpcFrame(call.encode(i)));
if (values.call.startsWith("range")) await fill();

const connections = await open(connectionCount, call.path);
const latenciesMs: number[] = [];
let errors = 0;
let next = 0;
let inProgress = 0;
const drained = Promise.withResolvers<void>();
const startedMs = performance.now();
const endMs = startedMs + seconds * 1000;
const cpu = process.cpuUsage();

function send(connection: LoadConnection): void {
  const sentMs = performance.now();
  inProgress++;
  connection.call(requests[next++ % keyCount]!, (ok) => {
    const nowMs = performance.now();
    inProgress--;
    if (ok) latenciesMs.push(nowMs - sentMs);
    else errors++;
    if (nowMs < endMs && errors < 1000) send(connection);
    else if (inProgress === 0) drained.resolve();
  });
}
for (let i = 0; i < clients; i++) send(connections[i % connectionCount]!);
await drained.promise;

const elapsedS = (performance.now() - startedMs) / 1000;
const used = process.cpuUsage(cpu);
console.log(
  JSON.stringify({
    perSecond: Math.round(latenciesMs.length / elapsedS),
    ...percentiles(latenciesMs),
    calls: latenciesMs.length,
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

function open(count: number, path: string): Promise<LoadConnection[]> {
  return Promise.all(
    Array.from({ length: count }, () => LoadConnection.open(url.hostname, Number(url.port), path)),
  );
}

/** Puts every key once, so that reads find something. */
async function fill(): Promise<void> {
  const [connection] = await open(1, "/etcdserverpb.KV/Put");
  const all = Array.from({ length: keyCount }, (_, i) => i).map(
    (i) => new Promise<void>((resolve) => connection!.call(grpcFrame(put(i)), () => resolve())),
  );
  await Promise.all(all);
  connection!.close();
}
