/** Streams that need a leader (etcd.md 1, `hasleader`), on a member whose two others are gone. */
import { once } from "node:events";
import { type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { test } from "tap";
import { grpcFrame } from "../../src/store/wire/grpc-frame.ts";
import { LeaseKeepAliveRequest, WatchRequest } from "../../src/store/wire/messages.ts";
import { startCluster } from "../support/agents.ts";

const watchPath = "/etcdserverpb.Watch/Watch";

test("they end when there is no leader for three election timeouts; the others stay", async (t) => {
  const cluster = await startCluster(3, { "heartbeat-interval": "20", "election-timeout": "200" });
  t.teardown(() => cluster.close());
  const [alone, ...others] = cluster.agents;
  const session = connect(`http://${alone!.endpoint}`);
  t.teardown(() => session.destroy());
  const open = (path: string, metadata: Record<string, string>): ClientHttp2Stream =>
    session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...metadata,
    });
  const create = grpcFrame(WatchRequest.encode({ create_request: { key: Buffer.from("k") } }));
  const watching = open(watchPath, { hasleader: "true" });
  watching.write(create);
  await once(watching, "data");
  const patient = open(watchPath, {});
  patient.write(create);
  await once(patient, "data");
  const keeping = open("/etcdserverpb.Lease/LeaseKeepAlive", { hasleader: "true" });
  keeping.write(grpcFrame(LeaseKeepAliveRequest.encode({ ID: 1n })));
  await once(keeping, "data");

  const ends = [watching, keeping].map(async (stream): Promise<IncomingHttpHeaders> => {
    const [trailers] = await once(stream.resume(), "trailers");
    return trailers;
  });
  await Promise.all(others.map((agent) => agent.stop()));
  for (const trailers of await Promise.all(ends)) {
    t.equal(trailers["grpc-status"], "14");
    t.equal(trailers["grpc-message"], "etcdserver: no leader");
  }
  t.notOk(patient.closed, "who did not ask for a leader goes on");

  const refused = open(watchPath, { hasleader: "true" });
  const [headers] = await once(refused, "response");
  t.equal(headers["grpc-status"], "14", "a new one is refused at once");
  t.equal(headers["grpc-message"], "etcdserver: no leader");
});
