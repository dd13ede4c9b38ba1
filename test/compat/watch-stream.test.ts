/** The life of a watch stream on the wire: a client that closes its half goes on receiving; a server that stops says so. */
import { once } from "node:events";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { type Test, test } from "tap";
import { GrpcDeframer, grpcFrame } from "../../src/store/wire/grpc-frame.ts";
import { PutRequest, WatchRequest, WatchResponse } from "../../src/store/wire/messages.ts";
import { startCluster } from "../support/agents.ts";
import { etcdMissing, startEtcd } from "./etcd.ts";

const key = Buffer.from("k");

function open(session: ClientHttp2Session, path: string): ClientHttp2Stream {
  return session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  });
}

/** The messages of a stream, one at a time. */
function reader(stream: ClientHttp2Stream): () => Promise<WatchResponse> {
  const deframer = new GrpcDeframer(1 << 20);
  const chunks = stream[Symbol.asyncIterator]();
  return async () => {
    for (;;) {
      const frame = deframer.next();
      if (frame) return WatchResponse.decode(frame.bytes);
      const { value, done } = await chunks.next();
      if (done) throw new Error("the stream has ended");
      deframer.push(value);
    }
  };
}

async function halfClosed(t: Test, endpoint: string): Promise<void> {
  const session = connect(`http://${endpoint}`);
  t.teardown(() => session.destroy());
  const stream = open(session, "/etcdserverpb.Watch/Watch");
  const next = reader(stream);
  stream.end(grpcFrame(WatchRequest.encode({ create_request: { key } })));
  t.ok((await next()).created);
  for (const value of ["1", "2"]) {
    const put = open(session, "/etcdserverpb.KV/Put");
    put.end(grpcFrame(PutRequest.encode({ key, value: Buffer.from(value) })));
    await once(put.resume(), "end");
    const { events } = await next();
    t.equal(Buffer.from(events[0]!.kv!.value).toString(), value);
  }
}

test("etcd: a half-closed watch goes on", { skip: etcdMissing }, async (t) => {
  const etcd = await startEtcd();
  t.teardown(() => etcd.stop());
  await halfClosed(t, etcd.endpoint);
});

test("agent: a half-closed watch goes on, and ends with Unavailable when the server stops", async (t) => {
  const cluster = await startCluster(1);
  t.teardown(() => cluster.close());
  const { endpoint } = cluster.agents[0]!;
  await halfClosed(t, endpoint);
  const session = connect(`http://${endpoint}`);
  t.teardown(() => session.destroy());
  const stream = open(session, "/etcdserverpb.Watch/Watch");
  stream.write(grpcFrame(WatchRequest.encode({ create_request: { key } })));
  await once(stream, "data");
  const ended = once(stream.resume(), "trailers");
  await cluster.agents[0]!.stop();
  const [trailers] = await ended;
  t.equal(trailers["grpc-status"], "14");
  t.equal(trailers["grpc-message"], "etcdserver: server stopped");
});
