/**
 * gRPC on node:http2: sessions from already accepted sockets, calls by full path. The checks before a handler sees a call
 * follow PROTOCOL-HTTP2.md: POST, content-type, known method, readable encoding, well-formed timeout.
 */
import {
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { AssertionFailure } from "../../base/assert.ts";
import { messageOf } from "../../base/errors.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { statusTable } from "../../store/wire/status.ts";
import { GrpcError } from "./errors.ts";
import { type GrpcMethods, type GrpcObserver, noObserver, type UnaryMethod } from "./grpc-method.ts";
import type { GrpcServer } from "./grpc-server.ts";
import { parseGrpcTimeout } from "./grpc-timeout.ts";
import { type CallLimits, Http2Call, statusOfFailure } from "./http2-call.ts";
import { acceptedEncodings, isAcceptedEncoding } from "./inflate.ts";

/** max-request-bytes + 512 KiB of overhead (etcd.md section 1). */
export const grpcReceiveBytesMax = 1_572_864 + 512 * 1024;
const outboxBytesMax = 256 * 1024;
/** Flow-control windows: large enough for a whole request, small enough that a stalled handler holds little. */
const streamWindowBytes = 1024 * 1024;
const sessionWindowBytes = 4 * 1024 * 1024;
/** Megabytes of buffers and streams that one connection may hold before node:http2 refuses new streams. */
const sessionMemoryMbMax = 128;

export class Http2GrpcServer implements GrpcServer {
  readonly #methods: GrpcMethods;
  readonly #limits: CallLimits;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #observer: GrpcObserver;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #streaming = new Set<Http2Call>();
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(
    options: { methods: GrpcMethods; receiveBytesMax?: number },
    modules: { clock: Clock; logger: Logger; observer?: GrpcObserver },
  ) {
    this.#methods = options.methods;
    this.#limits = { receiveBytesMax: options.receiveBytesMax ?? grpcReceiveBytesMax, outboxBytesMax };
    this.#clock = modules.clock;
    this.#logger = modules.logger;
    this.#observer = modules.observer ?? noObserver;
  }

  get connections(): number {
    return this.#sessions.size;
  }

  accept(socket: Socket): void {
    const session = performServerHandshake(socket, {
      maxSessionMemory: sessionMemoryMbMax,
      settings: { initialWindowSize: streamWindowBytes, maxConcurrentStreams: 2 ** 32 - 1 },
    });
    this.#sessions.add(session);
    session.setLocalWindowSize(sessionWindowBytes);
    session.on("stream", (stream, headers) => this.#open(stream, headers));
    session.on("error", (error) => {
      this.#logger.debug({ error: messageOf(error) }, "gRPC connection failed");
    });
    session.on("close", () => {
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.#closing?.resolve();
    });
    if (this.#closing) session.close();
  }

  close(): Promise<void> {
    if (this.#closing) return this.#closing.promise;
    this.#closing = Promise.withResolvers<void>();
    const { grpc, text } = statusTable["kv.stopped"];
    for (const call of this.#streaming) call.end({ code: grpc, message: text ?? "" });
    for (const session of this.#sessions) session.close();
    if (this.#sessions.size === 0) this.#closing.resolve();
    return this.#closing.promise;
  }

  force(): void {
    for (const session of this.#sessions) session.destroy();
  }

  #open(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    if (headers[":method"] !== "POST" || !headers["content-type"]?.startsWith("application/grpc")) {
      const status = headers[":method"] === "POST" ? 415 : 405;
      stream.on("error", () => {});
      stream.respond({ ":status": status }, { endStream: true });
      stream.resume();
      return;
    }
    const path = String(headers[":path"]);
    const method = this.#methods.get(path);
    const call = new Http2Call(
      { path, headers, limits: this.#limits },
      { stream, observer: method ? this.#observer : noObserver },
    );
    const refusal = method ? refusalOf(headers) : unknownMethod(path, this.#methods);
    if (refusal || !method) {
      call.start();
      call.end(refusal ?? { code: GrpcCode.UNIMPLEMENTED, message: "unknown method" });
      return;
    }
    const timeoutMs = parseGrpcTimeout(headers["grpc-timeout"] as string | undefined);
    if (typeof timeoutMs === "number") call.expireAfter(timeoutMs, this.#clock);
    if (method.kind === "unary") this.#unary(call, method);
    else {
      this.#streaming.add(call);
      stream.on("close", () => this.#streaming.delete(call));
      try {
        method.handle(call);
      } catch (error) {
        this.#fail(call, error);
      }
    }
    call.start();
  }

  #unary(call: Http2Call, method: UnaryMethod): void {
    let called = false;
    call.onMessage = (message) => {
      if (called) {
        call.end({ code: GrpcCode.INTERNAL, message: "more than one message in a unary call" });
        return;
      }
      called = true;
      const { path, metadata, signal } = call;
      method.handle({ path, message, metadata, signal }).then(
        (response) => call.answer(response),
        (error: unknown) => this.#fail(call, error),
      );
    };
    call.onHalfClose = () => {
      if (!called) call.end({ code: GrpcCode.INTERNAL, message: "unary call without a message" });
    };
  }

  #fail(call: Http2Call, error: unknown): void {
    if (error instanceof AssertionFailure) throw error;
    if (!(error instanceof GrpcError)) {
      this.#logger.error({ method: call.path, error: messageOf(error) }, "gRPC handler failed");
    }
    call.end(statusOfFailure(error));
  }
}

function refusalOf(headers: IncomingHttpHeaders): { code: number; message: string } | null {
  const encoding = headers["grpc-encoding"] as string | undefined;
  if (!isAcceptedEncoding(encoding)) {
    const message = `grpc: Decompressor is not installed for grpc-encoding "${encoding}" (accepted: ${acceptedEncodings})`;
    return { code: GrpcCode.UNIMPLEMENTED, message };
  }
  if (parseGrpcTimeout(headers["grpc-timeout"] as string | undefined) === null) {
    return { code: GrpcCode.INTERNAL, message: "malformed grpc-timeout" };
  }
  return null;
}

/** Says which half of the path is unknown, since a client of a newer etcd wants to know. */
function unknownMethod(path: string, methods: GrpcMethods): { code: number; message: string } {
  const [, service = "", name = ""] = path.split("/");
  const known = [...methods.keys()].some((each) => each.startsWith(`/${service}/`));
  const message = known ? `unknown method ${name} for service ${service}` : `unknown service ${service}`;
  return { code: GrpcCode.UNIMPLEMENTED, message };
}
