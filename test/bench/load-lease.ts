/**
 * Keepalives of many leases: grants them, then renews them in turn over `streams` streams, one request in progress on each.
 * Prints one JSON line.
 *
 *   node test/bench/load-lease.ts --endpoint 127.0.0.1:2379 --leases 10000 --streams 100 --seconds 5
 */
import { parseArgs } from "node:util";
import { grpcFrame } from "../../src/store/wire/grpc-frame.ts";
import {
  LeaseGrantRequest,
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
} from "../../src/store/wire/messages.ts";
import { LoadConnection } from "./http2-load-connection.ts";
import { percentiles } from "./statistics.ts";

const { values } = parseArgs({
  options: {
    endpoint: { type: "string", default: "127.0.0.1:2379" },
    leases: { type: "string", default: "10000" },
    connections: { type: "string", default: "10" },
    streams: { type: "string", default: "100" },
    seconds: { type: "string", default: "5" },
  },
});
const url = new URL(`http://${values.endpoint.replace(/^http:\/\//, "")}`);
const [leases, connectionCount, streams, seconds] = [
  values.leases,
  values.connections,
  values.streams,
  values.seconds,
].map(Number) as [number, number, number, number];

const connections = await Promise.all(
  Array.from({ length: connectionCount }, () =>
    LoadConnection.open(url.hostname, Number(url.port), "/etcdserverpb.Lease/LeaseGrant"),
  ),
);
const ids = Array.from({ length: leases }, (_, i) => BigInt(i + 1));
/** So many grants at once as a server that refuses too many requests still takes. */
const grantsAtOnce = 1000;
for (let from = 0; from < leases; from += grantsAtOnce) {
  await Promise.all(ids.slice(from, from + grantsAtOnce).map((id, i) => grant(id, i)));
}
const renewals = ids.map((ID) => grpcFrame(LeaseKeepAliveRequest.encode({ ID })));

let lost = 0;
let running = streams;
const latenciesMs: number[] = [];
const done = Promise.withResolvers<void>();
const startedMs = performance.now();
const endMs = startedMs + seconds * 1000;
for (let i = 0; i < streams; i++) renew(i);
await done.promise;
const elapsedS = (performance.now() - startedMs) / 1000;
console.log(
  JSON.stringify({
    perSecond: Math.round(latenciesMs.length / elapsedS),
    ...percentiles(latenciesMs),
    lost,
    leases,
    streams,
  }),
);
for (const connection of connections) connection.close();
if (lost > 0) process.exitCode = 1;

function grant(ID: bigint, i: number): Promise<void> {
  const request = grpcFrame(LeaseGrantRequest.encode({ ID, TTL: 600 }));
  return new Promise((resolve, reject) => {
    connections[i % connectionCount]!.call(request, (ok) =>
      ok ? resolve() : reject(new Error("a grant failed")),
    );
  });
}

/** Every stream renews each `streams`-th lease, round and round. */
function renew(first: number): void {
  let at = first;
  let sentMs = performance.now();
  const stream = connections[first % connectionCount]!.stream(
    "/etcdserverpb.Lease/LeaseKeepAlive",
    (message) => {
      const nowMs = performance.now();
      latenciesMs.push(nowMs - sentMs);
      if (LeaseKeepAliveResponse.decode(message).TTL === 0) lost++;
      if (nowMs >= endMs) {
        running--;
        if (running === 0) done.resolve();
        return;
      }
      at = (at + streams) % leases;
      sentMs = nowMs;
      stream.write(renewals[at]!);
    },
    () => done.reject(new Error("a keepalive stream ended")),
  );
  stream.write(renewals[at]!);
}
