/** A client port over given methods, on a free loopback port, for tests of transport and listener. */
import { createServer } from "node:http";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import type { Test } from "tap";
import { ClientListener } from "../../../src/api/listener.ts";
import { DirectGrpcServer } from "../../../src/api/transport/direct-grpc-server.ts";
import type { GrpcMethods } from "../../../src/api/transport/grpc-method.ts";
import { silent } from "../../../src/base/ports.ts";
import { GrpcDeframer } from "../../../src/store/wire/grpc-frame.ts";
import { systemClock } from "../../compat/clock.ts";

export interface Port {
  readonly port: number;
  readonly listener: ClientListener;
}

/** Gone, with everything on it, at the end of the test. HTTP/1.1 answers `METHOD path body`. */
export async function openPort(
  t: Test,
  methods: GrpcMethods,
  firstBytesTimeoutMs = 10_000,
  ports: readonly number[] = [0],
  connectionsMax = 1000,
): Promise<Port> {
  const grpc = new DirectGrpcServer(
    { methods, receiveBytesMax: 100_000 },
    { clock: systemClock, logger: silent },
  );
  const http = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    response.end(`${request.method} ${request.url} ${body}`);
  });
  const listener = new ClientListener(
    { listen: ports.map((port) => ({ host: "127.0.0.1", port })), firstBytesTimeoutMs, connectionsMax },
    { grpc, http, clock: systemClock, logger: silent },
  );
  await listener.listen();
  t.teardown(() => listener.close(0));
  return { port: listener.addresses[0]!.port, listener };
}

export function openSession(t: Test, port: number): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  t.teardown(() => session.destroy());
  return session;
}

export interface Answer {
  readonly http: number;
  readonly status: string | undefined;
  readonly message: string | undefined;
  readonly messages: string[];
}

/** One call whose request bytes are given as they go on the wire. */
export function call(
  session: ClientHttp2Session,
  path: string,
  chunks: readonly Uint8Array[],
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    const deframer = new GrpcDeframer(2 ** 31 - 1);
    let all: IncomingHttpHeaders = {};
    stream.on("response", (received) => {
      all = { ...all, ...received };
    });
    stream.on("trailers", (received) => {
      all = { ...all, ...received };
    });
    stream.on("data", (chunk: Buffer) => deframer.push(chunk));
    stream.on("error", reject);
    stream.on("close", () => {
      const messages: string[] = [];
      for (let frame = deframer.next(); frame; frame = deframer.next()) {
        messages.push(Buffer.from(frame.bytes).toString("utf8"));
      }
      resolve({
        http: Number((all as Record<string, unknown>)[":status"]),
        status: all["grpc-status"] as string | undefined,
        message: all["grpc-message"] as string | undefined,
        messages,
      });
    });
    for (const chunk of chunks) stream.write(chunk);
    stream.end();
  });
}
