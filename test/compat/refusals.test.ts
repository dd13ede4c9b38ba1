/**
 * What gRPC itself refuses, before etcd's own code sees it: the same malformed requests to Debian's etcd (grpc-go of 2019) and to
 * our front. Where a row gives a reason the two differ, and have to; we follow the grpc-go that etcd 3.5 is built with, or a newer one.
 */
import { connect, type IncomingHttpHeaders } from "node:http2";
import { gzipSync } from "node:zlib";
import { type Test, test } from "tap";
import { decodeGrpcMessage, grpcFrame } from "../../src/store/wire/grpc-frame.ts";
import { etcdMissing, startEtcd } from "./etcd.ts";
import { startMemoryFront } from "./memory-front.ts";

const range = "/etcdserverpb.KV/Range";
const watch = "/etcdserverpb.Watch/Watch";
const keepAlive = "/etcdserverpb.Lease/LeaseKeepAlive";
const snapshot = "/etcdserverpb.Maintenance/Snapshot";
const check = "/grpc.health.v1.Health/Check";

const ok = grpcFrame(Buffer.from([0x0a, 1, 0x61]));
/** A field of five bytes of which one is there; for LeaseKeepAlive a number that does not end. */
const cut = grpcFrame(Buffer.from([0x0a, 5, 1]));
const cutNumber = grpcFrame(Buffer.from([0x08, 0xff]));
const zipped = grpcFrame(gzipSync(ok.subarray(5)));
zipped[0] = 1;
const prefix = (flag: number, length: number): Buffer => {
  const bytes = Buffer.alloc(5);
  bytes[0] = flag;
  bytes.writeUInt32BE(length, 1);
  return bytes;
};

interface Row {
  readonly about: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  /** Why the two differ. */
  readonly differ?: string;
}

const httpStatus = "grpc-go answers with an HTTP status since 1.35; before it reset the stream";
const colon = "grpc-go of 2019 forgets the colon";
const lateCode = "grpc-go gives Unknown where it now gives Internal (the protocol's own code)";

const rows: readonly Row[] = [
  { about: "nothing wrong" },
  { about: "a subtype", headers: { "content-type": "application/grpc+proto" } },
  { about: "another content-type", headers: { "content-type": "text/plain" }, differ: httpStatus },
  { about: "another method", headers: { ":method": "PUT" }, differ: "grpc-go of 2019 did not look" },
  { about: "unknown method", path: "/etcdserverpb.KV/Nope" },
  { about: "unknown service", path: "/etcdserverpb.Nope/Nope" },
  { about: "no service at all", path: "//" },
  { about: "half a path", path: "/one", differ: "grpc-go gave ResourceExhausted then, Unimplemented now" },
  { about: "unknown encoding", headers: { "grpc-encoding": "br" } },
  { about: "unknown encoding of a stream", path: watch, headers: { "grpc-encoding": "br" } },
  { about: "encoding of nothing", headers: { "grpc-encoding": "" } },
  {
    about: "gzip",
    headers: { "grpc-encoding": "gzip" },
    body: zipped,
    differ: "etcd 3.4 does not read it; etcd.md section 1 asks for it",
  },
  { about: "compressed, but how", body: prefix(1, 0) },
  { about: "compressed, but how: a stream", path: watch, body: prefix(1, 0) },
  { about: "compressed as identity", headers: { "grpc-encoding": "identity" }, body: prefix(1, 0) },
  { about: "unknown flag", body: prefix(2, 0) },
  { about: "unknown flag of a stream", path: watch, body: prefix(2, 0) },
  { about: "too large", body: prefix(0, 2_097_153) },
  { about: "too large by far, of a stream", path: watch, body: prefix(0, 0xffff_ffff) },
  { about: "too large with an unknown flag", body: prefix(2, 4_000_000) },
  { about: "ends inside a message", body: ok.subarray(0, 7), differ: lateCode },
  { about: "ends inside a message of a stream", path: watch, body: ok.subarray(0, 7) },
  { about: "ends inside a prefix of a stream", path: snapshot, body: ok.subarray(0, 3) },
  { about: "no message", body: Buffer.alloc(0), differ: lateCode },
  {
    about: "two messages",
    body: Buffer.concat([ok, ok]),
    differ: "grpc-go ignored the second; it now calls it what it is",
  },
  { about: "cut protobuf", body: cut },
  { about: "cut protobuf for health", path: check, body: cut },
  { about: "cut protobuf on a watch", path: watch, body: cut, differ: colon },
  { about: "cut protobuf on a keepalive", path: keepAlive, body: cutNumber, differ: colon },
  { about: "cut protobuf for a snapshot", path: snapshot, body: cut, differ: colon },
  { about: "health of an unknown service", path: check, body: grpcFrame(Buffer.from([0x0a, 1, 0x78])) },
  { about: "a time of no unit", headers: { "grpc-timeout": "5x" }, differ: httpStatus },
];

function opened(t: Test, endpoint: string) {
  const session = connect(`http://${endpoint}`);
  session.on("error", () => {});
  t.teardown(() => session.destroy());
  return async ({ path, headers, body }: Row): Promise<string> => {
    const stream = session.request({
      ":method": "POST",
      ":path": path ?? range,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    let all: IncomingHttpHeaders = {};
    for (const event of ["response", "trailers"]) stream.on(event, (some) => (all = { ...all, ...some }));
    stream.on("error", () => {});
    stream.resume();
    stream.end(body ?? ok);
    await new Promise((resolve) => stream.on("close", resolve));
    const code = all["grpc-status"];
    if (code === undefined) return `reset ${stream.rstCode}`;
    return `${all[":status" as "status"]} ${code} ${decodeGrpcMessage(String(all["grpc-message"] ?? ""))}`;
  };
}

test("our front and etcd refuse alike", { skip: etcdMissing }, async (t) => {
  const [etcd, front] = [await startEtcd(), await startMemoryFront()];
  t.teardown(() => Promise.all([etcd.stop(), front.stop()]));
  const [theirs, ours] = [opened(t, etcd.endpoint), opened(t, front.endpoint)];
  for (const row of rows) {
    const [expected, found] = [await theirs(row), await ours(row)];
    if (row.differ === undefined) t.equal(found, expected, row.about);
    else t.not(found, expected, `${row.about}: ${row.differ}`);
  }
  t.equal(
    await ours({ about: "", path: watch, body: cut }),
    "200 13 grpc: failed to unmarshal the received message: unexpected EOF",
  );
});
