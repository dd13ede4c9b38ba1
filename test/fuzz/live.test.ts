/** A whole client port under batches of damaged sessions: after each it serves others as before, and nothing is left of it. */
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "tap";
import { silent } from "../../src/base/ports.ts";
import { RemoteKv } from "../../src/host/kv-remote/remote-kv.ts";
import { preface } from "../../src/http2/frame.ts";
import { PutRequest } from "../../src/store/wire/messages.ts";
import { systemClock } from "../compat/clock.ts";
import { startMemoryFront } from "../compat/memory-front.ts";
import { settings } from "../unit/http2/support.ts";
import { session } from "./http2-session.ts";
import { fuzz, mutated, randomBytes } from "./support.ts";

const greeting = Buffer.concat([Buffer.from(preface, "latin1"), settings()]);
const paths = [
  "/etcdserverpb.KV/Put",
  "/etcdserverpb.KV/Range",
  "/etcdserverpb.KV/Txn",
  "/etcdserverpb.Watch/Watch",
  "/etcdserverpb.Lease/LeaseKeepAlive",
  "/v3lockpb.Lock/Lock",
  "/v3electionpb.Election/Observe",
  "/etcdserverpb.Maintenance/Snapshot",
  "/grpc.health.v1.Health/Watch",
];
const perBatch = 20;

/** Sends the bytes and goes, politely or not. */
async function visit(port: number, bytes: Uint8Array, politely: boolean): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  await once(socket, "connect");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.write(bytes, () => {
    // What arrived is handled before the end of the connection is seen.
    if (politely) setImmediate(() => socket.destroy());
    else socket.resetAndDestroy();
  });
  await closed;
}

test("it still answers", async (t) => {
  const front = await startMemoryFront();
  t.teardown(() => front.stop());
  const port = Number(front.endpoint.split(":")[1]);
  const remote = new RemoteKv(
    { endpoints: [front.endpoint], requestTimeoutMs: 10_000 },
    { clock: systemClock, logger: silent },
  );
  t.teardown(() => remote.close());
  const key = Buffer.from("alive");
  const message = PutRequest.encode({ key: Buffer.from("fuzz"), value: Buffer.alloc(20) });
  let puts = 0;
  await fuzz(30, async (random) => {
    await Promise.all(
      Array.from({ length: perBatch }, () => {
        const body = random.chance(0.5) ? message : randomBytes(random, random.below(60));
        const deeds = session(random, { path: random.pick(paths), message: body });
        const whole = Buffer.concat([greeting, ...deeds]);
        return visit(port, random.chance(0.7) ? whole : mutated(random, whole), random.chance(0.5));
      }),
    );
    await remote.put({ key, value: Buffer.from(String(++puts)) });
    const { kvs } = await remote.range({ key });
    if (Buffer.from(kvs[0]!.value).toString() !== String(puts))
      throw new Error("the store answers something else");
  });
  t.pass(`${puts} batches`);
});
