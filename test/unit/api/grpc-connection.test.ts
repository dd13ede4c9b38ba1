/** What only a client without manners, or a slow one, shows: frames by hand on a real socket. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { type Test, test } from "tap";
import { DirectGrpcServer } from "../../../src/api/transport/direct-grpc-server.ts";
import { GrpcError } from "../../../src/api/transport/errors.ts";
import type { GrpcMethod } from "../../../src/api/transport/grpc-method.ts";
import { silent } from "../../../src/base/ports.ts";
import { preface } from "../../../src/http2/frame.ts";
import { grpcFrame } from "../../../src/store/wire/grpc-frame.ts";
import { systemClock } from "../../compat/clock.ts";
import { data, headers, settings, windowUpdate } from "../http2/support.ts";

const hello = grpcFrame(Buffer.from("hello"));
const greeting = Buffer.concat([Buffer.from(preface, "latin1"), settings()]);
const wide = Buffer.concat([settings([4, 2 ** 31 - 1]), windowUpdate(0, 2 ** 31 - 1 - 65_535)]);
/** A whole unary call. */
const unary = (id: number): Buffer => Buffer.concat([headers(id), data(id, hello, 1)]);

/** A gRPC server on a loopback port, and a client's bare socket to it. */
async function open(
  t: Test,
  method: GrpcMethod,
): Promise<{ grpc: DirectGrpcServer; client: Socket; server: Socket }> {
  const methods = new Map([["/s.S/M", method]]);
  const grpc = new DirectGrpcServer({ methods }, { clock: systemClock, logger: silent });
  const listener = createServer({ noDelay: true });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const client = connect((listener.address() as { port: number }).port, "127.0.0.1");
  client.on("error", () => {});
  const [server] = (await once(listener, "connection")) as [Socket];
  grpc.accept(server);
  t.teardown(() => {
    client.destroy();
    grpc.force();
    listener.close();
  });
  return { grpc, client, server };
}

test("the answers of one turn are one write", async (t) => {
  const { client, server } = await open(t, { kind: "unary", handle: async ({ message }) => message });
  const writes: number[] = [];
  const write = server.write.bind(server) as (chunk: Buffer) => boolean;
  server.write = ((chunk: Buffer) => {
    writes.push(chunk.length);
    return write(chunk);
  }) as typeof server.write;
  const calls = Array.from({ length: 50 }, (_, i) => unary(2 * i + 1));
  client.write(Buffer.concat([greeting, ...calls]));
  let answers = 0;
  for await (const chunk of client) {
    answers += (chunk as Buffer).toString("latin1").split("hello").length - 1;
    if (answers === 50) break;
  }
  // A few, because the output grows through blocks of doubling size, corked into one vectored write.
  t.ok(writes.length < 8, `${writes.length} pieces`);
});

test("a client that reads nothing holds up its own stream, and little memory", async (t) => {
  const message = Buffer.alloc(100_000);
  const waiting = Promise.withResolvers<void>();
  let taken = 0;
  const endless: GrpcMethod = {
    kind: "server_stream",
    handle(stream) {
      const pour = (): void => {
        while (taken < 10_000) {
          taken++;
          if (!stream.write(message)) break;
        }
        waiting.resolve();
      };
      stream.onMessage = pour;
      stream.onDrain = pour;
    },
  };
  const { client, server } = await open(t, endless);
  client.pause();
  client.write(Buffer.concat([greeting, wide, unary(1)]));
  await waiting.promise;
  // Until the kernel takes no more: what it took is not ours to bound.
  for (let before = -1; before !== server.bytesWritten; ) {
    before = server.bytesWritten;
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  t.ok(taken < 10_000, `the handler waits after ${taken}`);
  t.ok(server.writableLength < 1024 * 1024, `${server.writableLength} bytes wait in the socket`);
});

test("a client that asks and does not read is not read either", async (t) => {
  // Errors have no body, so flow control does not hold them back.
  const text = "x".repeat(1000);
  let handled = 0;
  const { client, server } = await open(t, {
    kind: "unary",
    handle: async () => {
      handled++;
      throw new GrpcError(5, text);
    },
  });
  client.pause();
  client.write(greeting);
  const all = 60_000;
  for (let id = 1; id < 2 * all; id += 2000) {
    client.write(Buffer.concat(Array.from({ length: 1000 }, (_, i) => unary(id + 2 * i))));
  }
  for (let before = -1; before !== handled; ) {
    before = handled;
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  t.ok(handled < all, `${handled} of ${all} were read`);
  t.ok(server.writableLength < 4 * 1024 * 1024, `${server.writableLength} bytes wait in the socket`);
});

test("a broken rule: GOAWAY, then the end of the connection", async (t) => {
  const aborted = Promise.withResolvers<void>();
  const { grpc, client } = await open(t, {
    kind: "bidi_stream",
    handle: (stream) => stream.signal.addEventListener("abort", () => aborted.resolve()),
  });
  client.write(Buffer.concat([greeting, headers(1), data(9, [1])]));
  let said = "";
  for await (const chunk of client) said += (chunk as Buffer).toString("latin1");
  t.match(said, /idle stream/);
  await aborted.promise;
  while (grpc.connections > 0) await new Promise((resolve) => setImmediate(resolve));
});

test("a signal that is asked for late is aborted already", async (t) => {
  const ended = Promise.withResolvers<AbortSignal>();
  const { client } = await open(t, {
    kind: "bidi_stream",
    handle(stream) {
      stream.onMessage = () => {
        stream.end({ code: 13, message: "no" });
        ended.resolve(stream.signal);
      };
    },
  });
  client.write(Buffer.concat([greeting, headers(1), data(1, hello)]));
  t.ok((await ended.promise).aborted);
});
