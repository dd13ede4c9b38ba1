/** Unary calls over HTTP: bodies, metadata, errors, limits, cancellation, large answers. */
import { once } from "node:events";
import { Agent } from "node:http";
import { connect } from "node:net";
import { test } from "tap";
import { GrpcError } from "../../../../src/api/transport/errors.ts";
import type { UnaryCall, UnaryMethod } from "../../../../src/api/transport/grpc-method.ts";
import { KeyValue, PutRequest, PutResponse, RangeResponse } from "../../../../src/store/wire/messages.ts";
import { post } from "../../../support/gateway-client.ts";
import { openGateway } from "./gateway-port.ts";

const put = "/etcdserverpb.KV/Put";
const range = "/etcdserverpb.KV/Range";
const unary = (handle: (call: UnaryCall) => Promise<Uint8Array> | Uint8Array): UnaryMethod => ({
  kind: "unary",
  handle: async (call) => handle(call),
});
/** Answers with what it was asked, as the previous pair. */
const echo = unary(({ message }) => {
  const { key, value } = PutRequest.decode(message);
  return PutResponse.encode({ prev_kv: KeyValue.create({ key, value }) });
});

test("a call, by every name of the gateway", async (t) => {
  const { endpoint, observed } = await openGateway(t, { [put]: echo });
  for (const prefix of ["/v3", "/v3beta", "/v3alpha"]) {
    const answer = await post(endpoint, `${prefix}/kv/put?x=1`, '{"key":"YQ==","value":"MQ=="}');
    t.equal(answer.status, 200);
    t.equal(answer.text, '{"prev_kv":{"key":"YQ==","value":"MQ=="}}');
    t.match(answer.headers, {
      "content-type": "application/json",
      "grpc-metadata-content-type": "application/grpc",
      "content-length": String(answer.text.length),
      "access-control-allow-origin": "*",
    });
  }
  t.same(observed.slice(0, 4), ["started", "received", "sent", "handled 0"]);
});

test("any content type, even one that is none", async (t) => {
  const { endpoint } = await openGateway(t, { [put]: echo });
  for (const type of [
    "application/json",
    "text/plain; charset=x",
    "nonsense",
    ";;;",
    "multipart/form-data",
  ]) {
    t.equal(
      (await post(endpoint, "/v3/kv/put", "{}", { headers: { "content-type": type } })).status,
      200,
      type,
    );
  }
});

test("bodies", async (t) => {
  const { endpoint } = await openGateway(t, { [put]: echo });
  for (const empty of ["", " \n", "null", "{}", "{} and more", '{"bogus":1}{"key":"YQ=="}']) {
    t.equal((await post(endpoint, "/v3/kv/put", empty)).text, '{"prev_kv":{}}', JSON.stringify(empty));
  }
  const bad = await post(endpoint, "/v3/kv/put", '{"key":5}');
  t.equal(bad.status, 400);
  t.same(JSON.parse(bad.text), {
    error: 'field "key": expected a base64 string, got a number',
    message: 'field "key": expected a base64 string, got a number',
    code: 3,
    details: [],
  });
  t.notOk("grpc-metadata-content-type" in bad.headers, "nothing of gRPC has seen it");
});

test("an answer does not wait for the end of the body", async (t) => {
  const { endpoint } = await openGateway(t, { [put]: echo });
  const [host, port] = endpoint.split(":");
  const socket = connect(Number(port), host);
  t.teardown(() => socket.destroy());
  socket.write(`POST /v3/kv/put HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{"key":"YQ=="}`);
  const [chunk] = (await once(socket, "data")) as [Buffer];
  t.match(chunk.toString(), /^HTTP\/1.1 200 OK[\s\S]*\{"prev_kv":\{"key":"YQ=="\}\}$/);
});

test("metadata", async (t) => {
  const { endpoint } = await openGateway(t, {
    [put]: unary(({ metadata }) => {
      const names = ["token", "authorization", "hasleader", "content-type"];
      const value = Buffer.from(names.map((name) => metadata.get(name) ?? "-").join());
      return PutResponse.encode({ prev_kv: KeyValue.create({ value }) });
    }),
  });
  const seen = async (headers: Record<string, string>): Promise<string> => {
    const { text } = await post(endpoint, "/v3/kv/put", "{}", { headers });
    return Buffer.from(JSON.parse(text).prev_kv.value, "base64").toString();
  };
  t.equal(await seen({}), "-,-,-,-");
  t.equal(await seen({ Authorization: "abc.1", "Grpc-Metadata-HasLeader": "true" }), "-,abc.1,true,-");
  t.equal(await seen({ "grpc-metadata-token": "abc.1" }), "abc.1,-,-,-");
});

test("errors of the method", async (t) => {
  let failure: Error = new GrpcError(0, "");
  const { endpoint, observed } = await openGateway(t, {
    [put]: unary(() => {
      throw failure;
    }),
  });
  const table: [number, number][] = [
    [1, 408],
    [2, 500],
    [3, 400],
    [4, 504],
    [5, 404],
    [6, 409],
    [7, 403],
    [8, 429],
    [9, 400],
    [10, 409],
    [11, 400],
    [12, 501],
    [13, 500],
    [14, 503],
    [15, 500],
    [16, 401],
    [99, 500],
  ];
  for (const [code, http] of table) {
    failure = new GrpcError(code, "etcdserver: <so> it is");
    const answer = await post(endpoint, "/v3/kv/put");
    t.equal(answer.status, http, `code ${code}`);
    const text = "etcdserver: \\u003cso\\u003e it is";
    t.equal(answer.text, `{"error":"${text}","message":"${text}","code":${code},"details":[]}`);
    t.equal(observed.at(-1), `handled ${code}`);
  }
  failure = new Error("broken");
  t.match(JSON.parse((await post(endpoint, "/v3/kv/put")).text), { code: 2, message: "broken" });
});

test("paths and methods that are none", async (t) => {
  const { endpoint } = await openGateway(t, { [put]: echo });
  const notFound = await post(endpoint, "/v3/nope");
  t.equal(notFound.status, 404);
  t.match(JSON.parse(notFound.text), { code: 5, message: "Not Found" });
  for (const method of ["GET", "PUT", "DELETE", "PATCH"]) {
    const refused = await post(endpoint, "/v3/kv/put", "{}", { method });
    t.equal(refused.status, 405, method);
    t.equal(refused.headers.allow, "POST");
    t.match(JSON.parse(refused.text), { code: 12, message: "Method Not Allowed" });
  }
  const missing = await post(endpoint, "/v3/kv/range");
  t.equal(missing.status, 501);
  t.match(JSON.parse(missing.text), { code: 12 });
});

test("limits", async (t) => {
  const { endpoint } = await openGateway(t, { [put]: echo }, { receiveBytesMax: 1000 });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const value = Buffer.alloc(1001).toString("base64");
  const message = await post(endpoint, "/v3/kv/put", `{"value":"${value}"}`, { agent });
  t.equal(message.status, 429);
  t.match(JSON.parse(message.text), {
    code: 8,
    error: "grpc: received message larger than max (1004 vs. 1000)",
  });
  const body = await post(endpoint, "/v3/kv/put", `{"value":"${"x".repeat(300_000)}"}`, { agent });
  t.equal(body.status, 429);
  t.match(JSON.parse(body.text), { code: 8, error: "request body is larger than 2000 bytes" });
  t.equal((await post(endpoint, "/v3/kv/put", "{}", { agent })).status, 200, "the connection goes on");
});

test("a deadline", async (t) => {
  let aborted: Promise<unknown> | undefined;
  const { endpoint, observed } = await openGateway(t, {
    [put]: unary((call) => {
      aborted = once(call.signal, "abort");
      return new Promise(() => {});
    }),
  });
  const late = await post(endpoint, "/v3/kv/put", "{}", { headers: { "grpc-timeout": "20m" } });
  t.equal(late.status, 504);
  t.match(JSON.parse(late.text), { code: 4, message: "context deadline exceeded" });
  await aborted;
  t.same(observed, ["started", "received", "handled 4"]);
  const bad = await post(endpoint, "/v3/kv/put", "{}", { headers: { "grpc-timeout": "bad" } });
  t.equal(bad.status, 400);
  t.match(JSON.parse(bad.text), { code: 3, message: "invalid grpc-timeout: bad" });
});

test("a client that goes cancels its call", async (t) => {
  const called = Promise.withResolvers<AbortSignal>();
  const { endpoint, observed } = await openGateway(t, {
    [put]: unary((call) => {
      called.resolve(call.signal);
      return new Promise(() => {});
    }),
  });
  const [host, port] = endpoint.split(":");
  const socket = connect(Number(port), host);
  socket.write("POST /v3/kv/put HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}");
  const signal = await called.promise;
  const aborted = once(signal, "abort");
  socket.destroy();
  await aborted;
  t.equal(observed.at(-1), "handled 1");
});

test("a large answer goes in pieces, and lets others through meanwhile", async (t) => {
  const kvs = Array.from({ length: 20_000 }, (_, i) =>
    KeyValue.create({ key: Buffer.from(`key-${i}`), value: Buffer.alloc(256, i), mod_revision: i + 2 }),
  );
  const encoded = RangeResponse.encode({ kvs, count: kvs.length });
  const { endpoint } = await openGateway(t, { [range]: unary(() => encoded), [put]: echo });
  const large = post(endpoint, "/v3/kv/range");
  const order: string[] = [];
  void large.then(() => order.push("large"));
  await post(endpoint, "/v3/kv/put").then(() => order.push("small"));
  const { text, headers } = await large;
  t.equal(headers["transfer-encoding"], "chunked");
  const parsed = JSON.parse(text);
  t.equal(parsed.kvs.length, kvs.length);
  t.equal(parsed.count, "20000");
  t.same(parsed.kvs[777], {
    key: Buffer.from("key-777").toString("base64"),
    mod_revision: "779",
    value: Buffer.alloc(256, 777).toString("base64"),
  });
  t.same(order, ["small", "large"]);
});

test("only a transaction has thousands of elements", async (t) => {
  const txn = unary(() => new Uint8Array());
  const { endpoint } = await openGateway(t, { [put]: echo, "/etcdserverpb.KV/Txn": txn });
  const body = (count: number): string => `{"success":[${new Array(count).fill("{}").join()}]}`;
  t.equal((await post(endpoint, "/v3/kv/put", body(400))).status, 200);
  t.match(JSON.parse((await post(endpoint, "/v3/kv/put", body(2000))).text), {
    code: 8,
    message: /1000 elements/,
  });
  t.equal((await post(endpoint, "/v3/kv/txn", body(10_000))).status, 200);
  t.equal((await post(endpoint, "/v3/kv/txn", body(30_000))).status, 429);
});
