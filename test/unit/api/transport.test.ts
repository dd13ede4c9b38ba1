import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { test } from "tap";
import { GrpcError } from "../../../src/api/transport/errors.ts";
import type { GrpcMethod } from "../../../src/api/transport/grpc-method.ts";
import { parseGrpcTimeout } from "../../../src/api/transport/grpc-timeout.ts";
import { grpcFrame } from "../../../src/store/wire/grpc-frame.ts";
import { call, openPort, openSession } from "./port.ts";

const echo: GrpcMethod = { kind: "unary", handle: async ({ message }) => message };
const hello = grpcFrame(Buffer.from("hello"));

function compressed(text: string | Buffer): Buffer {
  const frame = grpcFrame(gzipSync(text));
  frame[0] = 1;
  return frame;
}

test("a unary call, and what is refused before a handler sees it", async (t) => {
  const failing: GrpcMethod = {
    kind: "unary",
    handle: async () => {
      throw new GrpcError(5, "etcdserver: 100 % ä");
    },
  };
  const methods = new Map([
    ["/s.S/Echo", echo],
    ["/s.S/Fail", failing],
  ]);
  const { port } = await openPort(t, methods);
  const session = openSession(t, port);
  const bytes = [...hello].map((byte) => Buffer.from([byte]));
  const gzip = { "grpc-encoding": "gzip" };
  const cases = [
    { path: "/s.S/Echo", chunks: [hello], status: "0", messages: ["hello"] },
    { path: "/s.S/Echo", chunks: bytes, status: "0", messages: ["hello"] },
    { path: "/s.S/Echo", chunks: [grpcFrame(Buffer.alloc(0))], status: "0", messages: [""] },
    { path: "/s.S/Echo", chunks: [compressed("hello")], headers: gzip, status: "0", messages: ["hello"] },
    { path: "/s.S/Echo", chunks: [hello], headers: gzip, status: "0", messages: ["hello"] },
    { path: "/s.S/Echo", chunks: [compressed("hello")], status: "13" },
    { path: "/s.S/Echo", chunks: [compressed(Buffer.alloc(200_000))], headers: gzip, status: "8" },
    { path: "/s.S/Echo", chunks: [hello], headers: { "grpc-encoding": "zstd" }, status: "12" },
    {
      path: "/s.S/Echo",
      chunks: [],
      status: "13",
      message: "cardinality violation: received no request message from non-client-streaming RPC",
    },
    { path: "/s.S/Echo", chunks: [hello.subarray(0, 7)], status: "13", message: "unexpected EOF" },
    {
      path: "/s.S/Echo",
      chunks: [grpcFrame(Buffer.alloc(100_001))],
      status: "8",
      message: "grpc: received message larger than max (100001 vs. 100000)",
    },
    { path: "/s.S/Fail", chunks: [hello], status: "5", message: "etcdserver: 100 %25 %C3%A4" },
    { path: "/s.S/Other", chunks: [hello], status: "12", message: "unknown method Other for service s.S" },
    { path: "/t.T/Echo", chunks: [hello], status: "12", message: "unknown service t.T" },
  ];
  for (const { path, chunks, headers, status, message, messages } of cases) {
    const answer = await call(session, path, chunks, headers);
    t.equal(answer.http, 200);
    t.equal(answer.status, status, `${path} ${JSON.stringify(headers ?? {})} ${message ?? ""}`);
    if (message) t.equal(answer.message, message);
    t.strictSame(answer.messages, messages ?? []);
  }
  const plain = await call(session, "/s.S/Echo", [], { "content-type": "text/plain" });
  t.equal(plain.http, 415);
});

test("a deadline ends the call and aborts the handler", async (t) => {
  const aborted = Promise.withResolvers<void>();
  const never: GrpcMethod = {
    kind: "unary",
    handle: ({ signal }) => {
      signal.addEventListener("abort", () => aborted.resolve());
      return new Promise(() => {});
    },
  };
  const { port } = await openPort(t, new Map([["/s.S/Never", never]]));
  const answer = await call(openSession(t, port), "/s.S/Never", [hello], { "grpc-timeout": "20m" });
  t.equal(answer.status, "4");
  t.equal(answer.message, "context deadline exceeded");
  await aborted.promise;
});

test("a client that goes away aborts the handler", async (t) => {
  const called = Promise.withResolvers<AbortSignal>();
  const never: GrpcMethod = {
    kind: "unary",
    handle: ({ signal }) => {
      called.resolve(signal);
      return new Promise(() => {});
    },
  };
  const { port } = await openPort(t, new Map([["/s.S/Never", never]]));
  const session = openSession(t, port);
  const stream = session.request({
    ":method": "POST",
    ":path": "/s.S/Never",
    "content-type": "application/grpc",
  });
  stream.on("error", () => {});
  stream.end(hello);
  const signal = await called.promise;
  stream.close(8);
  if (!signal.aborted) await once(signal, "abort");
  t.ok(signal.aborted);
});

test("a stream holds its outbox and continues after a drain", async (t) => {
  const message = Buffer.alloc(50_000, 1);
  const rounds = 40;
  let waits = 0;
  const flood: GrpcMethod = {
    kind: "server_stream",
    handle(stream) {
      let left = rounds;
      const pour = (): void => {
        while (left > 0) {
          left--;
          if (stream.write(message)) continue;
          waits++;
          return;
        }
        stream.end({ code: 0, message: "" });
      };
      stream.onMessage = pour;
      stream.onDrain = pour;
    },
  };
  const { port } = await openPort(t, new Map([["/s.S/Flood", flood]]));
  const answer = await call(openSession(t, port), "/s.S/Flood", [hello]);
  t.equal(answer.messages.length, rounds);
  t.equal(answer.status, "0");
  t.ok(waits > 0, "the handler had to wait");
});

test("a paused stream delivers nothing, and the rest in order afterwards", async (t) => {
  const slow: GrpcMethod = {
    kind: "bidi_stream",
    handle(stream) {
      stream.onMessage = (message) => {
        stream.pause();
        setImmediate(() => {
          stream.write(message);
          stream.resume();
        });
      };
      stream.onHalfClose = () => stream.end({ code: 0, message: "" });
    },
  };
  const { port } = await openPort(t, new Map([["/s.S/Slow", slow]]));
  const texts = Array.from({ length: 50 }, (_, i) => `m${i}`);
  const chunk = Buffer.concat(texts.map((text) => grpcFrame(Buffer.from(text))));
  const answer = await call(openSession(t, port), "/s.S/Slow", [chunk]);
  t.strictSame(answer.messages, texts);
  t.equal(answer.status, "0");
});

test("compressed and plain messages keep their order, and the end comes behind them", async (t) => {
  const paces: Readonly<Record<string, GrpcMethod>> = {
    "/s.S/Fast": {
      kind: "bidi_stream",
      handle(stream) {
        stream.onMessage = (message) => void stream.write(message);
        stream.onHalfClose = () => stream.end({ code: 0, message: "" });
      },
    },
    // Paused and resumed at any time: while a message is being inflated too.
    "/s.S/Slow": {
      kind: "bidi_stream",
      handle(stream) {
        stream.onMessage = (message) => {
          stream.write(message);
          setImmediate(() => stream.pause());
          setTimeout(() => stream.resume(), 1);
        };
        stream.onHalfClose = () => stream.end({ code: 0, message: "" });
      },
    },
  };
  const { port } = await openPort(t, new Map(Object.entries(paces)));
  const session = openSession(t, port);
  const texts = Array.from({ length: 60 }, (_, i) => `m${i}`);
  const frames = texts.map((text, i) => (i % 3 === 0 ? grpcFrame(Buffer.from(text)) : compressed(text)));
  const many = Array.from({ length: 8 }, (_, i) =>
    call(session, i % 2 ? "/s.S/Fast" : "/s.S/Slow", [Buffer.concat(frames)], { "grpc-encoding": "gzip" }),
  );
  for (const answer of await Promise.all(many)) {
    t.strictSame(answer.messages, texts);
    t.equal(answer.status, "0");
  }
});

test("a client that half-closes is heard of once", async (t) => {
  let halfCloses = 0;
  const counting: GrpcMethod = {
    kind: "bidi_stream",
    handle(stream) {
      stream.onHalfClose = () => {
        halfCloses++;
        stream.pause();
        stream.resume();
        stream.end({ code: 0, message: "" });
      };
    },
  };
  const { port } = await openPort(t, new Map([["/s.S/Count", counting]]));
  const session = openSession(t, port);
  for (const chunks of [[hello], [hello.subarray(0, 3), hello.subarray(3)], []])
    await call(session, "/s.S/Count", chunks);
  t.equal(halfCloses, 3);
});

test("closing: streams end with Unavailable, unary calls finish", async (t) => {
  const release = Promise.withResolvers<Uint8Array>();
  const held: GrpcMethod = { kind: "unary", handle: () => release.promise };
  const open: GrpcMethod = {
    kind: "bidi_stream",
    handle: (stream) => void stream.write(Buffer.from("open")),
  };
  const methods = new Map<string, GrpcMethod>([
    ["/s.S/Held", held],
    ["/s.S/Open", open],
  ]);
  const { port, listener } = await openPort(t, methods);
  const session = openSession(t, port);
  const stream = session.request({
    ":method": "POST",
    ":path": "/s.S/Open",
    "content-type": "application/grpc",
  });
  stream.resume();
  stream.on("error", () => {});
  await once(stream, "response");
  const unary = call(session, "/s.S/Held", [hello]);
  await new Promise((resolve) => session.ping(resolve));
  const trailers = once(stream, "trailers");
  const closed = listener.close(10_000);
  const [headers] = await trailers;
  t.equal(headers["grpc-status"], "14");
  t.equal(headers["grpc-message"], "etcdserver: server stopped");
  release.resolve(Buffer.from("late"));
  t.strictSame((await unary).messages, ["late"]);
  await closed;
});

test("grpc-timeout", async (t) => {
  const given: [string | undefined, number | undefined | null][] = [
    [undefined, undefined],
    ["5S", 5000],
    ["2M", 120_000],
    ["1H", 3_600_000],
    ["250m", 250],
    ["1500u", 1.5],
    ["99999999H", 2 ** 31 - 1],
    ["123456789S", null],
    ["S", null],
    ["5", null],
    ["-5S", null],
  ];
  for (const [header, expected] of given) t.equal(parseGrpcTimeout(header), expected, `${header}`);
});
