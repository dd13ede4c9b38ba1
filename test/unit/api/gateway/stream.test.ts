/** Streaming calls over HTTP and WebSocket: lines, half-close, backpressure, errors, cancellation, the server's end. */
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "tap";
import { WebSocket } from "ws";
import type { GrpcStream, StreamMethod } from "../../../../src/api/transport/grpc-method.ts";
import * as wire from "../../../../src/store/wire/messages.ts";
import { GatewayStream, post } from "../../../support/gateway-client.ts";
import { openGateway } from "./gateway-port.ts";

const watch = "/etcdserverpb.Watch/Watch";
const keepAlive = "/etcdserverpb.Lease/LeaseKeepAlive";
const snapshot = "/etcdserverpb.Maintenance/Snapshot";

/** Answers each request with its id, and ends with the client. */
const echo: StreamMethod = {
  kind: "bidi_stream",
  handle(stream) {
    stream.onMessage = (message) => {
      const { ID } = wire.LeaseKeepAliveRequest.decode(message);
      if (ID === 13n) stream.end({ code: 5, message: "etcdserver: thirteen" });
      else stream.write(wire.LeaseKeepAliveResponse.encode({ ID, TTL: 9 }));
    };
    stream.onHalfClose = () => stream.end({ code: 0, message: "" });
  },
};

/** A method that hands its stream to the test, paused. */
function caught(kind: StreamMethod["kind"]): { method: StreamMethod; stream: Promise<GrpcStream> } {
  const { promise, resolve } = Promise.withResolvers<GrpcStream>();
  const handle = (stream: GrpcStream): void => {
    stream.pause();
    resolve(stream);
  };
  return { method: { kind, handle }, stream: promise };
}

test("several requests in one body", async (t) => {
  const { endpoint, observed } = await openGateway(t, { [keepAlive]: echo });
  const { status, headers, text } = await post(
    endpoint,
    "/v3/lease/keepalive",
    '{"ID":"1"}\n{"ID":2}{"ID":3}',
  );
  t.equal(status, 200);
  t.match(headers, { "content-type": "application/json", "grpc-metadata-content-type": "application/grpc" });
  t.equal(text, [1, 2, 3].map((id) => `{"result":{"ID":"${id}","TTL":"9"}}\n`).join(""));
  t.same(observed, ["started", "received", "sent", "received", "sent", "received", "sent", "handled 0"]);
});

test("a body that stays open", async (t) => {
  const { endpoint } = await openGateway(t, { [keepAlive]: echo });
  const stream = new GatewayStream(endpoint, "/v3/lease/keepalive");
  for (const id of [1, 2])
    t.equal(await stream.send(`{"ID":${id}}`).next(), `{"result":{"ID":"${id}","TTL":"9"}}`);
  t.equal(await stream.end().next(), null);
});

test("errors before and after the first answer", async (t) => {
  const { endpoint } = await openGateway(t, { [keepAlive]: echo });
  const body =
    '{"error":{"grpc_code":5,"http_code":404,"message":"etcdserver: thirteen","http_status":"Not Found","code":5,"details":[]}}\n';
  const first = await post(endpoint, "/v3/lease/keepalive", '{"ID":13}');
  t.equal(first.status, 404);
  t.equal(first.text, body);
  const later = await post(endpoint, "/v3/lease/keepalive", '{"ID":1}{"ID":13}{"ID":2}');
  t.equal(later.status, 200);
  t.equal(later.text, `{"result":{"ID":"1","TTL":"9"}}\n${body}`);
});

test("requests that cannot be read", async (t) => {
  const { endpoint } = await openGateway(t, { [keepAlive]: echo });
  const first = await post(endpoint, "/v3/lease/keepalive", '{"ID":[]}');
  t.equal(first.status, 400);
  t.match(JSON.parse(first.text), { code: 3, error: 'field "ID": expected an integer, got a list' });
  const later = await post(endpoint, "/v3/lease/keepalive", '{"ID":1}{"ID":"x"}');
  const [, line] = later.text.split("\n");
  t.match(JSON.parse(line!), {
    error: { grpc_code: 3, http_code: 400, message: /"ID": expected an integer/ },
  });
  const cut = await post(endpoint, "/v3/lease/keepalive", '{"ID":1}{"ID"');
  t.match(cut.text, /unexpected end of JSON input/);
});

test("a watch outlives its body", async (t) => {
  const { method, stream } = caught("bidi_stream");
  const { endpoint } = await openGateway(t, { [watch]: method });
  const client = new GatewayStream(endpoint, "/v3/watch").send('{"create_request":{"key":"YQ=="}}').end();
  const server = await stream;
  server.onHalfClose = () => t.fail("the watch was half-closed");
  const request = await new Promise<Uint8Array>((resolve) => {
    server.onMessage = resolve;
    server.resume();
  });
  t.same(Buffer.from(wire.WatchRequest.decode(request).create_request!.key).toString(), "a");
  server.write(wire.WatchResponse.encode({ created: true }));
  t.equal(await client.next(), '{"result":{"created":true}}');
  const aborted = once(server.signal, "abort");
  client.close();
  await aborted;
});

test("one request for a server stream, whatever comes in the body", async (t) => {
  const got: number[] = [];
  const { endpoint } = await openGateway(t, {
    [snapshot]: {
      kind: "server_stream",
      handle(stream) {
        stream.onMessage = (message) => void got.push(message.length);
        stream.onHalfClose = () => stream.end({ code: 0, message: "" });
      },
    },
  });
  for (const body of ["", "{}", "null", "{} {} rubbish"]) {
    t.equal((await post(endpoint, "/v3/maintenance/snapshot", body)).status, 200);
  }
  t.same(got, [0, 0, 0, 0]);
  t.equal((await post(endpoint, "/v3/maintenance/snapshot", "{")).status, 400);
  t.equal(got.length, 4, "the method was not called");
});

test("a method that pauses before it listens loses nothing", async (t) => {
  for (const kind of ["server_stream", "bidi_stream"] as const) {
    const path = kind === "bidi_stream" ? keepAlive : snapshot;
    const { endpoint } = await openGateway(t, {
      [path]: {
        kind,
        handle(stream) {
          stream.pause();
          setImmediate(() => {
            stream.onMessage = () => stream.write(new Uint8Array());
            stream.onHalfClose = () => stream.end({ code: 0, message: "" });
            stream.resume();
          });
        },
      },
    });
    const url = kind === "bidi_stream" ? "/v3/lease/keepalive" : "/v3/maintenance/snapshot";
    t.equal((await post(endpoint, url, "{}")).text, '{"result":{}}\n', kind);
  }
});

test("backpressure of a client that does not read", async (t) => {
  const { method, stream } = caught("bidi_stream");
  const { endpoint } = await openGateway(t, { [watch]: method });
  const [host, port] = endpoint.split(":");
  const socket = connect(Number(port), host);
  t.teardown(() => socket.destroy());
  socket.pause();
  socket.write("POST /v3/watch HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
  const server = await stream;
  const drained = new Promise<void>((resolve) => {
    server.onDrain = resolve;
  });
  const big = wire.WatchResponse.encode({ cancel_reason: "x".repeat(100_000) });
  let written = 0;
  while (written++ < 1000 && server.write(big)) await new Promise(setImmediate);
  t.ok(written < 1000, `full after ${written} messages`);
  socket.resume();
  await drained;
});

test("a method that pauses leaves the rest with the client", async (t) => {
  const { method, stream } = caught("bidi_stream");
  const { endpoint } = await openGateway(t, { [keepAlive]: method });
  const [host, port] = endpoint.split(":");
  const socket = connect(Number(port), host);
  t.teardown(() => socket.destroy());
  socket.write("POST /v3/lease/keepalive HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
  const server = await stream;
  let got = 0;
  server.onMessage = () => {
    got++;
    server.pause();
  };
  server.resume();
  const text = `{"ID":"1"}${" ".repeat(100_000)}\n`;
  const chunk = `${text.length.toString(16)}\r\n${text}\r\n`;
  let sent = 0;
  while (sent++ < 1000 && socket.write(chunk)) await new Promise(setImmediate);
  t.ok(sent < 1000, `the socket was full after ${sent} requests`);
  t.equal(got, 1);
  const whole = new Promise<void>((resolve) => {
    server.onMessage = () => void (++got === sent && resolve());
  });
  server.resume();
  await whole;
});

test("the end of the server ends streams with a reason", async (t) => {
  const { endpoint, close } = await openGateway(t, { [keepAlive]: echo });
  const stream = new GatewayStream(endpoint, "/v3/lease/keepalive");
  await stream.send('{"ID":1}').next();
  const closed = close();
  t.match(JSON.parse((await stream.next()) ?? ""), {
    error: { grpc_code: 14, message: "etcdserver: server stopped" },
  });
  t.equal(await stream.next(), null);
  stream.close();
  await closed;
});

/** A watch message of many megabytes, and its line. */
function largeAnswer(): { message: Buffer; line: string } {
  const value = Buffer.alloc(10_000, 0x61);
  const message = wire.WatchResponse.encode({
    watch_id: 7,
    events: Array.from({ length: 400 }, () => ({
      kv: wire.KeyValue.create({ key: Buffer.from("k"), value }),
    })),
  });
  const event = `{"kv":{"key":"aw==","value":"${value.toString("base64")}"}}`;
  return { message, line: `{"result":{"watch_id":"7","events":[${new Array(400).fill(event).join()}]}}` };
}

/** Writes the large answer, ends the stream at once; how many other things the loop did before the answer had left. */
async function turnsOf(server: GrpcStream, message: Buffer): Promise<number> {
  let turns = 0;
  let left = false;
  server.onDrain = () => {
    left = true;
  };
  const ready = server.write(message);
  while (!ready && !left) {
    turns++;
    await new Promise(setImmediate);
  }
  return turns;
}

test("a large message leaves in slices, and what comes behind it waits", async (t) => {
  const { message, line } = largeAnswer();
  for (const drained of [true, false]) {
    const { method, stream } = caught("bidi_stream");
    const { endpoint } = await openGateway(t, { [watch]: method });
    const client = new GatewayStream(endpoint, "/v3/watch");
    const server = await stream;
    if (drained) t.ok((await turnsOf(server, message)) > 10, "the loop had many turns meanwhile");
    else t.notOk(server.write(message));
    server.end({ code: 5, message: "gone" });
    t.ok((await client.next()) === line);
    t.match(await client.next(), /gone/);
    t.equal(await client.next(), null);
  }
});

test("WebSocket: a large message is one message, a large answer of a unary call, too", async (t) => {
  const { message, line } = largeAnswer();
  const { method, stream } = caught("bidi_stream");
  const value = Buffer.alloc(40_000, 0x62);
  const kvs = Array.from({ length: 100 }, () => wire.KeyValue.create({ value }));
  const { endpoint } = await openGateway(t, {
    [watch]: method,
    "/etcdserverpb.KV/Range": { kind: "unary", handle: async () => wire.RangeResponse.encode({ kvs }) },
  });
  const watching = new WebSocket(`ws://${endpoint}/v3/watch`);
  const watched = frames(watching);
  const server = await stream;
  t.ok((await turnsOf(server, message)) > 10);
  t.notOk(server.write(message));
  server.end({ code: 5, message: "gone" });
  const [first, second, third] = await watched;
  t.ok(first === line);
  t.ok(second === line);
  t.match(third, /gone/);

  const range = new WebSocket(`ws://${endpoint}/v3/kv/range`);
  range.on("open", () => range.send("{}"));
  const pair = `{"value":"${value.toString("base64")}"}`;
  t.ok((await frames(range))[0] === `{"kvs":[${new Array(100).fill(pair).join()}]}`);
});

test("a client that goes while a large message is on its way", async (t) => {
  const { method, stream } = caught("bidi_stream");
  const { endpoint, observed } = await openGateway(t, { [watch]: method });
  const client = new GatewayStream(endpoint, "/v3/watch");
  const server = await stream;
  const aborted = once(server.signal, "abort");
  t.notOk(server.write(largeAnswer().message));
  client.close();
  await aborted;
  t.same(observed, ["started", "sent", "handled 1"]);
});

test("thousands of tiny requests in one chunk share the loop", async (t) => {
  for (const open of ["http", "WebSocket"]) {
    let [got, most, turn] = [0, 0, 0];
    const counting: StreamMethod = {
      kind: "bidi_stream",
      handle(stream) {
        stream.onMessage = () => {
          got++;
          if (++turn === 1) setImmediate(() => (turn = 0));
          most = Math.max(most, turn);
          if (got === 20_000) stream.end({ code: 0, message: "" });
        };
      },
    };
    const { endpoint } = await openGateway(t, { [keepAlive]: counting });
    if (open === "http") {
      t.equal((await post(endpoint, "/v3/lease/keepalive", "{}".repeat(20_000))).status, 200);
    } else {
      const socket = new WebSocket(`ws://${endpoint}/v3/lease/keepalive`);
      socket.on("open", () => {
        for (let i = 0; i < 20_000; i++) socket.send("{}");
      });
      await frames(socket);
    }
    t.equal(got, 20_000, open);
    t.ok(most <= 401, `${open}: ${most} in one turn`);
  }
});

/** Frames of a WebSocket until it closes. */
async function frames(socket: WebSocket): Promise<string[]> {
  const all: string[] = [];
  socket.on("message", (data) => all.push(String(data)));
  await once(socket, "close");
  return all;
}

test("WebSocket: frames both ways", async (t) => {
  const { endpoint } = await openGateway(t, { [keepAlive]: echo });
  const socket = new WebSocket(`ws://${endpoint}/v3/lease/keepalive`);
  await once(socket, "open");
  const all = frames(socket);
  socket.send('{"ID":"1"}');
  socket.send('{"ID":');
  socket.send('"2"}');
  socket.send('{"ID":13}');
  t.same(
    (await all).map((text) => JSON.parse(text)),
    [
      { result: { ID: "1", TTL: "9" } },
      { result: { ID: "2", TTL: "9" } },
      {
        error: {
          grpc_code: 5,
          http_code: 404,
          message: "etcdserver: thirteen",
          http_status: "Not Found",
          code: 5,
          details: [],
        },
      },
    ],
  );
});

test("WebSocket: a unary call, a token, rubbish, a client that goes", async (t) => {
  const held = caught("bidi_stream");
  const { endpoint } = await openGateway(t, {
    "/etcdserverpb.KV/Put": {
      kind: "unary",
      handle: async ({ metadata }) => {
        const value = Buffer.from(metadata.get("authorization") ?? "");
        return wire.PutResponse.encode({ prev_kv: wire.KeyValue.create({ value }) });
      },
    },
    [keepAlive]: echo,
    [watch]: held.method,
  });
  const put = new WebSocket(`ws://${endpoint}/v3/kv/put`, ["Bearer", "abc.1"]);
  put.on("open", () => put.send('{"key":"YQ=="}'));
  const value = Buffer.from("Bearer abc.1").toString("base64");
  t.same(await frames(put), [`{"prev_kv":{"value":"${value}"}}`]);
  t.equal(put.protocol, "Bearer");

  const rubbish = new WebSocket(`ws://${endpoint}/v3/lease/keepalive`);
  rubbish.on("open", () => rubbish.send("rubbish"));
  t.match(JSON.parse((await frames(rubbish))[0]!), { code: 3, message: /invalid JSON/ });

  const watching = new WebSocket(`ws://${endpoint}/v3/watch`);
  const { signal } = await held.stream;
  const aborted = once(signal, "abort");
  watching.on("error", () => {});
  watching.terminate();
  await aborted;
});

test("WebSocket: what is refused", async (t) => {
  const { endpoint } = await openGateway(
    t,
    { [keepAlive]: echo },
    { access: { cors: ["http://good.test"], hostWhitelist: ["127.0.0.1"] }, receiveBytesMax: 1000 },
  );
  const refusal = async (path: string, headers: Record<string, string>): Promise<number> => {
    const socket = new WebSocket(`ws://${endpoint}${path}`, { headers });
    socket.on("error", () => {});
    const [, response] = await once(socket, "unexpected-response");
    socket.terminate();
    return response.statusCode;
  };
  t.equal(await refusal("/v3/nope", {}), 404);
  t.equal(await refusal("/version", {}), 404);
  t.equal(await refusal("/v3/lease/keepalive", { origin: "http://evil.test" }), 403);
  t.equal(await refusal("/v3/lease/keepalive", { host: "evil.test" }), 421);
  const large = new WebSocket(`ws://${endpoint}/v3/lease/keepalive`, {
    headers: { origin: "http://good.test" },
  });
  large.on("open", () => large.send("x".repeat(3000)));
  const [code] = await once(large, "close");
  t.equal(code, 1009, "a frame over the limit");
});

test("an offer of another protocol is ignored", async (t) => {
  const { endpoint } = await openGateway(t, { [keepAlive]: echo });
  const headers = {
    connection: "Upgrade, HTTP2-Settings",
    upgrade: "h2c",
    "http2-settings": "AAMAAABkAAQAAP__",
  };
  const { status, text } = await post(endpoint, "/v3/lease/keepalive", '{"ID":1}', { headers });
  t.equal(status, 200);
  t.equal(text, '{"result":{"ID":"1","TTL":"9"}}\n');
});
