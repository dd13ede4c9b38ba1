/**
 * gRPC on connections of our own http2/: calls by full path. The checks before a handler sees a call follow PROTOCOL-HTTP2.md:
 * POST, content-type, known method, readable encoding, well-formed timeout.
 */
import type { Socket } from "node:net";
import { AssertionFailure } from "../../base/assert.ts";
import { emptyBytes } from "../../base/bytes.ts";
import { messageOf } from "../../base/errors.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import type { Http2Options } from "../../http2/options.ts";
import type { RequestHeaders } from "../../http2/request-headers.ts";
import type { Http2Stream } from "../../http2/stream.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { type GrpcStatus, statusTable } from "../../store/wire/status.ts";
import { httpStatusOnly } from "./answer-headers.ts";
import { GrpcError } from "./errors.ts";
import { Flusher } from "./flusher.ts";
import { type CallContext, GrpcCall } from "./grpc-call.ts";
import { GrpcConnection, type GrpcConnectionOwner } from "./grpc-connection.ts";
import { type GrpcMethods, type GrpcObserver, noObserver, type UnaryMethod } from "./grpc-method.ts";
import type { GrpcServer } from "./grpc-server.ts";
import { parseGrpcTimeout } from "./grpc-timeout.ts";
import { acceptedEncodings, isAcceptedEncoding } from "./inflate.ts";
import { statusOfFailure } from "./status-of-failure.ts";

/** max-request-bytes + 512 KiB of overhead (etcd.md section 1). */
export const grpcReceiveBytesMax = 1_572_864 + 512 * 1024;
/** Request bytes that are held over all connections, incomplete or unread; calls beyond fail with ResourceExhausted. */
const heldBytesMax = 256 * 1024 * 1024;

const http2Options: Http2Options = {
  // Large enough for most requests in one go, small enough that a stalled handler holds little.
  streamWindowBytes: 1024 * 1024,
  connectionWindowBytes: 4 * 1024 * 1024,
  // etcd takes 2^32-1; this bounds what a connection can cost, and is more than a client has calls.
  streamsMax: 65_536,
  outboxBytesMax: 256 * 1024,
  outboxTotalBytesMax: 128 * 1024 * 1024,
  headerListBytesMax: 64 * 1024,
};

export class DirectGrpcServer implements GrpcServer, GrpcConnectionOwner, CallContext {
  readonly receiveBytesMax: number;
  readonly #methods: GrpcMethods;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #observer: GrpcObserver;
  readonly #flusher = new Flusher();
  readonly #connections = new Set<GrpcConnection>();
  readonly #streaming = new Set<GrpcCall>();
  #heldBytes = 0;
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(
    options: { methods: GrpcMethods; receiveBytesMax?: number },
    modules: { clock: Clock; logger: Logger; observer?: GrpcObserver },
  ) {
    this.receiveBytesMax = options.receiveBytesMax ?? grpcReceiveBytesMax;
    this.#methods = options.methods;
    this.#clock = modules.clock;
    this.#logger = modules.logger;
    this.#observer = modules.observer ?? noObserver;
  }

  get connections(): number {
    return this.#connections.size;
  }

  accept(socket: Socket): void {
    const modules = {
      socket,
      owner: this,
      flusher: this.#flusher,
      clock: this.#clock,
      logger: this.#logger,
    };
    const connection = new GrpcConnection(http2Options, modules);
    this.#connections.add(connection);
    connection.start();
    if (this.#closing) connection.shutdown();
  }

  close(): Promise<void> {
    if (this.#closing) return this.#closing.promise;
    this.#closing = Promise.withResolvers<void>();
    const { grpc, text } = statusTable["kv.stopped"];
    for (const call of this.#streaming) call.end({ code: grpc, message: text ?? "" });
    for (const connection of this.#connections) connection.shutdown();
    if (this.#connections.size === 0) this.#closing.resolve();
    return this.#closing.promise;
  }

  force(): void {
    for (const connection of this.#connections) connection.destroy();
  }

  closed(connection: GrpcConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#closing?.resolve();
  }

  hold(bytes: number): boolean {
    this.#heldBytes += bytes;
    return this.#heldBytes <= heldBytesMax;
  }

  done(call: GrpcCall): void {
    this.#streaming.delete(call);
  }

  opened(_connection: GrpcConnection, stream: Http2Stream, headers: RequestHeaders, ended: boolean): void {
    if (headers.method !== "POST" || !headers.get("content-type")?.startsWith("application/grpc")) {
      stream.end(httpStatusOnly(headers.method === "POST" ? 415 : 405));
      return;
    }
    const method = this.#methods.get(headers.path);
    const observer = method ? this.#observer : noObserver;
    const call = new GrpcCall({ headers }, { stream, context: this, observer });
    stream.listener = call;
    const timeoutMs = parseGrpcTimeout(headers.get("grpc-timeout"));
    const refusal = method ? refusalOf(headers, timeoutMs) : unknownMethod(headers.path, this.#methods);
    if (refusal || !method) {
      call.end(refusal ?? { code: GrpcCode.UNIMPLEMENTED, message: "unknown method" });
      return;
    }
    if (typeof timeoutMs === "number") call.expireAfter(timeoutMs, this.#clock);
    if (method.kind === "unary") this.#unary(call, method);
    else {
      this.#streaming.add(call);
      try {
        method.handle(call);
      } catch (error) {
        this.#fail(call, error);
      }
    }
    if (ended) call.data(emptyBytes, true);
  }

  #unary(call: GrpcCall, method: UnaryMethod): void {
    let called = false;
    call.onMessage = (message) => {
      if (called) {
        call.end({ code: GrpcCode.INTERNAL, message: "more than one message in a unary call" });
        return;
      }
      called = true;
      call.message = message;
      method.handle(call).then(
        (response) => call.answer(response),
        (error: unknown) => this.#fail(call, error),
      );
    };
    call.onHalfClose = () => {
      if (!called) call.end({ code: GrpcCode.INTERNAL, message: "unary call without a message" });
    };
  }

  #fail(call: GrpcCall, error: unknown): void {
    if (error instanceof AssertionFailure) throw error;
    if (!(error instanceof GrpcError)) {
      this.#logger.error({ method: call.path, error: messageOf(error) }, "gRPC handler failed");
    }
    call.end(statusOfFailure(error));
  }
}

function refusalOf(headers: RequestHeaders, timeoutMs: number | undefined | null): GrpcStatus | null {
  const encoding = headers.get("grpc-encoding");
  if (!isAcceptedEncoding(encoding)) {
    const message = `grpc: Decompressor is not installed for grpc-encoding "${encoding}" (accepted: ${acceptedEncodings})`;
    return { code: GrpcCode.UNIMPLEMENTED, message };
  }
  return timeoutMs === null ? { code: GrpcCode.INTERNAL, message: "malformed grpc-timeout" } : null;
}

/** Says which half of the path is unknown, since a client of a newer etcd wants to know. */
function unknownMethod(path: string, methods: GrpcMethods): GrpcStatus {
  const [, service = "", name = ""] = path.split("/");
  const known = [...methods.keys()].some((each) => each.startsWith(`/${service}/`));
  const message = known ? `unknown method ${name} for service ${service}` : `unknown service ${service}`;
  return { code: GrpcCode.UNIMPLEMENTED, message };
}
