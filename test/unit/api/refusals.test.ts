/** What the gRPC edge refuses, in grpc-go's words, and that the connection serves on afterwards. */
import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http2";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { type Test, test } from "tap";
import { ClientListener } from "../../../src/api/listener.ts";
import { DirectGrpcServer } from "../../../src/api/transport/direct-grpc-server.ts";
import type { GrpcMethod } from "../../../src/api/transport/grpc-method.ts";
import { silent } from "../../../src/base/ports.ts";
import { preface } from "../../../src/http2/frame.ts";
import { decodeGrpcMessage, grpcFrame } from "../../../src/store/wire/grpc-frame.ts";
import { HandClock } from "../../support/hand-clock.ts";
import { ping, settings } from "../http2/support.ts";
import { openPort, openSession } from "./port.ts";

const echo: GrpcMethod = { kind: "unary", handle: async ({ message }) => message };
const methods = new Map([["/s.S/Echo", echo]]);
const hello = grpcFrame(Buffer.from("hello"));
const compressed = (bytes: Uint8Array): Buffer => {
  const framed = grpcFrame(gzipSync(bytes));
  framed[0] = 1;
  return framed;
};

const refused: [
  headers: Record<string, string>,
  body: Uint8Array,
  http: number,
  status: number,
  message: string,
][] = [
  [{ "content-type": "text/plain" }, hello, 415, 3, 'invalid gRPC request content-type "text/plain"'],
  [
    { "content-type": "application/grpcx" },
    hello,
    415,
    3,
    'invalid gRPC request content-type "application/grpcx"',
  ],
  [{ ":method": "PUT" }, hello, 405, 13, 'Received a HEADERS frame with :method "PUT" which should be POST'],
  [{ ":path": "/s.S/No" }, hello, 200, 12, "unknown method No for service s.S"],
  [{ ":path": "/no.S/Echo" }, hello, 200, 12, "unknown service no.S"],
  [{ ":path": "/a/b/c" }, hello, 200, 12, "unknown service a/b"],
  [{ ":path": "/Echo" }, hello, 200, 12, 'malformed method name: "/Echo"'],
  [{ ":path": "s.S/Echo" }, hello, 200, 12, 'malformed method name: "s.S/Echo"'],
  [{ "grpc-encoding": "br" }, hello, 200, 12, 'grpc: Decompressor is not installed for grpc-encoding "br"'],
  [
    { "grpc-timeout": "S" },
    hello,
    400,
    13,
    'malformed grpc-timeout: transport: timeout string is too short: "S"',
  ],
  [
    { "grpc-timeout": "1234567890S" },
    hello,
    400,
    13,
    'malformed grpc-timeout: transport: timeout string is too long: "1234567890S"',
  ],
  [
    { "grpc-timeout": "5x" },
    hello,
    400,
    13,
    'malformed grpc-timeout: transport: timeout unit is not recognized: "5x"',
  ],
  [
    { "grpc-timeout": "-5S" },
    hello,
    400,
    13,
    'malformed grpc-timeout: strconv.ParseUint: parsing "-5": invalid syntax',
  ],
  [
    { "grpc-timeout": "5x", ":method": "PUT" },
    hello,
    400,
    13,
    'malformed grpc-timeout: transport: timeout unit is not recognized: "5x"',
  ],
  [{ "grpc-timeout": "0S" }, hello, 200, 4, "context deadline exceeded"],
  [{ "grpc-timeout": "999n" }, hello, 200, 4, "context deadline exceeded"],
  [{}, Buffer.from([1, 0, 0, 0, 0]), 200, 13, "grpc: compressed flag set with identity or empty encoding"],
  [{}, Buffer.from([2, 0, 0, 0, 0]), 200, 13, "grpc: received unexpected payload format 2"],
  [
    {},
    Buffer.from([0, 0, 1, 134, 161]),
    200,
    8,
    "grpc: received message larger than max (100001 vs. 100000)",
  ],
  [
    { "grpc-encoding": "gzip" },
    compressed(Buffer.alloc(10_000_000)),
    200,
    8,
    "grpc: received message after decompression larger than max 100000",
  ],
  [
    { "grpc-encoding": "gzip" },
    Buffer.from([1, 0, 0, 0, 1, 7]),
    200,
    13,
    "grpc: failed to decompress the received message: unexpected EOF",
  ],
  [
    { "grpc-encoding": "gzip" },
    Buffer.from([1, 0, 0, 0, 2, 7, 7]),
    200,
    13,
    "grpc: failed to decompress the received message: incorrect header check",
  ],
  [
    {},
    Buffer.from([2, 0, 1, 134, 161]),
    200,
    8,
    "grpc: received message larger than max (100001 vs. 100000)",
  ],
  [
    {},
    Buffer.alloc(0),
    200,
    13,
    "cardinality violation: received no request message from non-client-streaming RPC",
  ],
  [
    {},
    Buffer.concat([hello, hello]),
    200,
    13,
    "cardinality violation: received multiple request messages for non-client-streaming RPC",
  ],
  [{}, Buffer.from([0, 0, 0, 0, 9, 1]), 200, 13, "unexpected EOF"],
];
const served: [headers: Record<string, string>, body: Uint8Array][] = [
  [{ te: "" }, hello],
  [{ "content-type": "application/grpc+proto" }, hello],
  [{ "content-type": "application/grpc;charset=utf-8" }, hello],
  [{ "grpc-encoding": "gzip" }, compressed(Buffer.from("hello"))],
  [{ "grpc-encoding": "" }, hello],
  [{ "grpc-encoding": "gzip" }, hello],
  [{ "grpc-encoding": "identity" }, hello],
  [{ "grpc-timeout": "99999999H" }, hello],
  [{ "content-length": String(hello.length) }, hello],
];

test("refusals and their texts, one after the other on one connection", async (t) => {
  const { port } = await openPort(t, methods);
  const session = openSession(t, port);
  const ask = async (given: Record<string, string>, body: Uint8Array) => {
    const { te, ...rest } = given;
    const stream = session.request({
      ":method": "POST",
      ":path": "/s.S/Echo",
      "content-type": "application/grpc",
      ...(te === "" ? {} : { te: "trailers" }),
      ...rest,
    });
    let all: IncomingHttpHeaders = {};
    for (const event of ["response", "trailers"]) stream.on(event, (some) => (all = { ...all, ...some }));
    stream.on("error", () => {});
    stream.resume();
    stream.end(body);
    await once(stream, "close");
    return {
      http: Number(all[":status"]),
      status: Number(all["grpc-status"]),
      message: decodeGrpcMessage(String(all["grpc-message"] ?? "")),
    };
  };
  for (const [headers, body, http, status, message] of refused) {
    t.strictSame(await ask(headers, body), { http, status, message }, JSON.stringify(headers));
  }
  for (const [headers, body] of served)
    t.equal((await ask(headers, body)).status, 0, JSON.stringify(headers));
});

async function openQuiet(t: Test, clock: HandClock) {
  const grpc = new DirectGrpcServer(
    { methods, keepaliveIntervalMs: 60_000, keepaliveTimeoutMs: 20_000 },
    { clock, logger: silent },
  );
  const http = { emit() {}, close() {}, closeIdleConnections() {} } as never;
  const listener = new ClientListener(
    { listen: [{ host: "127.0.0.1", port: 0 }] },
    { grpc, http, clock, logger: silent },
  );
  await listener.listen();
  t.teardown(() => {
    grpc.force();
    return listener.close(0);
  });
  const socket = connect(listener.addresses[0]!.port, "127.0.0.1");
  t.teardown(() => socket.destroy());
  let said = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => (said = Buffer.concat([said, chunk])));
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve));
  };
  return { grpc, socket, until, said: () => said.toString("latin1") };
}

const pingOut = "\0\0\x08\x06\0\0\0\0\0";

test("a silent client is asked, and closed when it does not answer", async (t) => {
  const clock = new HandClock();
  const { grpc, socket, until, said } = await openQuiet(t, clock);
  socket.write(Buffer.concat([Buffer.from(preface, "latin1"), settings()]));
  await until(() => grpc.connections === 1 && said().length >= 40);
  await clock.advance(10_000);
  await clock.advance(59_000);
  await until(() => said().includes(pingOut));
  socket.write(ping(1));
  const { bytesRead } = grpc.traffic();
  await until(() => grpc.traffic().bytesRead > bytesRead);
  await clock.advance(20_000);
  t.equal(grpc.connections, 1, "it answered");
  await clock.advance(60_000);
  await clock.advance(20_000);
  await until(() => grpc.connections === 0);
});

test("whoever says only the preface is no client", async (t) => {
  const clock = new HandClock();
  const { grpc, socket, until, said } = await openQuiet(t, clock);
  socket.write(preface);
  await until(() => grpc.connections === 1 && said().length >= 40);
  await clock.advance(10_001);
  await until(() => grpc.connections === 0);
});
