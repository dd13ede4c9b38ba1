import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { test } from "tap";
import { protocolOf } from "../../../src/api/listener.ts";
import type { GrpcMethod } from "../../../src/api/transport/grpc-method.ts";
import { grpcFrame } from "../../../src/store/wire/grpc-frame.ts";
import { LoadConnection } from "../../bench/http2-load-connection.ts";
import { call, openPort, openSession } from "./port.ts";

const echo: GrpcMethod = { kind: "unary", handle: async ({ message }) => message };
const methods = new Map([["/s.S/Echo", echo]]);

test("what the first bytes say", async (t) => {
  const given = [
    ["", "undecided"],
    ["P", "undecided"],
    ["PRI * HTTP/2.", "undecided"],
    ["PRI * HTTP/2.0", "grpc"],
    ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "grpc"],
    ["PU", "http1"],
    ["POST / HTTP/1.1", "http1"],
    ["PRI * HTTP/1.1", "http1"],
    ["GET", "http1"],
    ["\x16\x03", "http1"],
  ] as const;
  for (const [bytes, expected] of given) t.equal(protocolOf(Buffer.from(bytes, "latin1")), expected, bytes);
});

test("HTTP/1.1 and gRPC on one port", async (t) => {
  const { port } = await openPort(t, methods);
  const response = await fetch(`http://127.0.0.1:${port}/version`, { method: "PUT", body: "x" });
  t.equal(await response.text(), "PUT /version x");
  const answer = await call(openSession(t, port), "/s.S/Echo", [grpcFrame(Buffer.from("hi"))]);
  t.strictSame(answer.messages, ["hi"]);
  const load = await LoadConnection.open("127.0.0.1", port, "/s.S/Echo");
  const done = Promise.withResolvers<boolean>();
  load.call(grpcFrame(Buffer.from("hi")), done.resolve);
  t.ok(await done.promise, "frames written by hand");
  load.close();
});

/** Sends byte by byte, each byte alone in its segment, until `enough` of the answer is there. */
async function drip(port: number, bytes: Buffer, enough: (answer: Buffer) => boolean): Promise<Buffer> {
  const socket = connect({ host: "127.0.0.1", port, noDelay: true });
  await once(socket, "connect");
  let answer: Buffer = Buffer.alloc(0);
  const complete = new Promise<void>((resolve) => {
    socket.on("data", (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      if (enough(answer)) resolve();
    });
  });
  for (const byte of bytes) {
    await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await complete;
  socket.destroy();
  return answer;
}

test("no byte is lost when the beginning comes byte by byte", async (t) => {
  const { port } = await openPort(t, methods);
  const http = Buffer.from("PUT /a HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody", "latin1");
  const answer = await drip(port, http, (bytes) => bytes.includes("body"));
  t.match(answer.toString("latin1"), /^HTTP\/1.1 200 OK\r\n[\s\S]*PUT \/a body$/);

  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  const ping = Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, ...Buffer.from("pingpong")]);
  const h2 = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1"), settings, ping]);
  const pong = await drip(port, h2, (bytes) => bytes.includes("pingpong"));
  t.equal(pong[3], 4, "the server's settings come first");
});

test("a pipelined request behind the first one is served too", async (t) => {
  const { port } = await openPort(t, methods);
  const two = Buffer.from("GET /1 HTTP/1.1\r\nhost: x\r\n\r\nGET /2 HTTP/1.1\r\nhost: x\r\n\r\n", "latin1");
  const socket = connect({ host: "127.0.0.1", port });
  let answer = "";
  socket.write(two);
  for await (const chunk of socket) {
    answer += (chunk as Buffer).toString("latin1");
    if (answer.includes("GET /2")) break;
  }
  t.match(answer, /GET \/1[\s\S]*GET \/2/);
});

test("a connection that does not say what it is is closed", async (t) => {
  const { port } = await openPort(t, methods, 20);
  const socket = connect({ host: "127.0.0.1", port });
  socket.write("PRI");
  socket.resume();
  await once(socket, "close");
});

test("a connection that has not said what it is does not hold up closing", async (t) => {
  const { port, listener } = await openPort(t, methods);
  const socket = connect({ host: "127.0.0.1", port });
  await once(socket, "connect");
  socket.write("PRI");
  const closed = once(socket, "close");
  socket.resume();
  // Behind it in the backlog, so it was accepted when this is answered.
  await (await fetch(`http://127.0.0.1:${port}/`)).text();
  await listener.close(3_600_000);
  await closed;
});

test("connections beyond the maximum are closed at once, and one that ends makes room", async (t) => {
  const { port } = await openPort(t, methods, 10_000, [0], 2);
  const echoOf = async (session: ReturnType<typeof openSession>) =>
    (await call(session, "/s.S/Echo", [grpcFrame(Buffer.from("hi"))])).status;
  const [first, second] = [openSession(t, port), openSession(t, port)];
  t.strictSame([await echoOf(first), await echoOf(second)], ["0", "0"]);
  const third = connect({ host: "127.0.0.1", port }).resume();
  third.on("error", () => {});
  await once(third, "close");
  t.strictSame([await echoOf(first), await echoOf(second)], ["0", "0"]);
  first.close();
  await once(first, "close");
  for (let status: string | undefined; status !== "0"; ) {
    const session = openSession(t, port);
    status = await echoOf(session).catch(() => undefined);
    session.destroy();
  }
});

test("keep-alive connections do not hold up closing", async (t) => {
  const { port, listener } = await openPort(t, methods);
  const { Agent } = await import("node:http");
  const agent = new Agent({ keepAlive: true });
  t.teardown(() => agent.destroy());
  await new Promise<void>((resolve) => {
    request({ host: "127.0.0.1", port, path: "/", agent }, (response) => {
      response.resume().on("end", resolve);
    }).end();
  });
  await listener.close(50);
});

test("a port in use is named together with the flag", async (t) => {
  const { port } = await openPort(t, methods);
  await t.rejects(openPort(t, methods, 10_000, [0, port]), {
    code: "listen.address-in-use",
    message: /--listen-client-urls/,
  });
});
