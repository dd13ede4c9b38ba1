/**
 * gRPC on connections of our own http2/: calls by full path. What is refused before a handler sees it is in refusals.ts.
 */
import type { Socket } from "node:net";
import { AssertionFailure } from "../../base/assert.ts";
import { emptyBytes } from "../../base/bytes.ts";
import { messageOf } from "../../base/errors.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import type { Http2Options } from "../../http2/options.ts";
import type { RequestHeaders } from "../../http2/request-headers.ts";
import type { Http2Stream } from "../../http2/stream.ts";
import { statusTable } from "../../store/wire/status.ts";
import { GrpcError } from "./errors.ts";
import { Flusher } from "./flusher.ts";
import { type CallContext, GrpcCall } from "./grpc-call.ts";
import { GrpcConnection, type GrpcConnectionOwner, type KeepaliveOptions } from "./grpc-connection.ts";
import { type GrpcMethods, type GrpcObserver, noObserver, type UnaryMethod } from "./grpc-method.ts";
import type { GrpcServer } from "./grpc-server.ts";
import { type GrpcServerOptions, grpcServerDefaults } from "./grpc-server-options.ts";
import { parseGrpcTimeout } from "./grpc-timeout.ts";
import { Inflater } from "./inflate.ts";
import { moreMessages, noMessage, notGrpc, unknownMethod, unreadable } from "./refusals.ts";
import { statusOfFailure } from "./status-of-failure.ts";

/** max-request-bytes + 512 KiB of overhead (etcd.md section 1). */
export const grpcReceiveBytesMax = 1_572_864 + 512 * 1024;
/** Request bytes that are held over all connections, incomplete or unread; calls beyond fail with ResourceExhausted. */
const heldBytesMax = 256 * 1024 * 1024;

/** Answers that wait for slow readers, over all connections, and what one connection may hold whatever the others do. */
const outboxesBytesMax = 512 * 1024 * 1024;
const outboxesFairBytes = 1024 * 1024;

const http2Bounds = {
  // Large enough for most requests in one go, small enough that a stalled handler holds little.
  streamWindowBytes: 1024 * 1024,
  connectionWindowBytes: 4 * 1024 * 1024,
  outboxBytesMax: 256 * 1024,
  outboxTotalBytesMax: 128 * 1024 * 1024,
  headerListBytesMax: 64 * 1024,
};

export class DirectGrpcServer implements GrpcServer, GrpcConnectionOwner, CallContext {
  readonly receiveBytesMax: number;
  readonly #http2: Http2Options;
  readonly #keepalive: KeepaliveOptions;
  readonly #methods: GrpcMethods;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #observer: GrpcObserver;
  readonly #flusher = new Flusher();
  readonly inflater = new Inflater();
  readonly #connections = new Set<GrpcConnection>();
  readonly #streaming = new Set<GrpcCall>();
  readonly #announceClosing: () => void;
  #heldBytes = 0;
  /** Of connections that are closed. */
  #bytesRead = 0;
  #bytesWritten = 0;
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(
    options: { methods: GrpcMethods; receiveBytesMax?: number } & Partial<GrpcServerOptions>,
    modules: {
      clock: Clock;
      logger: Logger;
      observer?: GrpcObserver;
      /** Called when the server begins to close, while streams can still be told. */
      closing?: (() => void) | undefined;
    },
  ) {
    const set = { ...grpcServerDefaults, ...options };
    const { keepaliveIntervalMs: intervalMs, keepaliveTimeoutMs: timeoutMs } = set;
    this.#http2 = {
      ...http2Bounds,
      shared: { bytes: 0, bytesMax: outboxesBytesMax, fairBytes: outboxesFairBytes },
      streamsMax: set.streamsMax,
      pingIntervalMsMin: set.keepaliveMinTimeMs,
    };
    this.#keepalive = { intervalMs, timeoutMs };
    this.#announceClosing = modules.closing ?? (() => {});
    this.receiveBytesMax = options.receiveBytesMax ?? grpcReceiveBytesMax;
    this.#methods = options.methods;
    this.#clock = modules.clock;
    this.#logger = modules.logger;
    this.#observer = modules.observer ?? noObserver;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Bytes over all connections since the start; counted by the sockets, so cheap for the calls. */
  traffic(): { readonly bytesRead: number; readonly bytesWritten: number } {
    let [bytesRead, bytesWritten] = [this.#bytesRead, this.#bytesWritten];
    for (const connection of this.#connections) {
      bytesRead += connection.bytesRead;
      bytesWritten += connection.bytesWritten;
    }
    return { bytesRead, bytesWritten };
  }

  accept(socket: Socket): void {
    const modules = {
      socket,
      owner: this,
      flusher: this.#flusher,
      clock: this.#clock,
      logger: this.#logger,
    };
    const connection = new GrpcConnection({ http2: this.#http2, keepalive: this.#keepalive }, modules);
    this.#connections.add(connection);
    connection.start();
    if (this.#closing) connection.shutdown();
  }

  close(): Promise<void> {
    if (this.#closing) return this.#closing.promise;
    this.#closing = Promise.withResolvers<void>();
    this.#announceClosing();
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
    this.#bytesRead += connection.bytesRead;
    this.#bytesWritten += connection.bytesWritten;
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
    const timeoutMs = parseGrpcTimeout(headers.get("grpc-timeout"));
    const foreign = notGrpc(headers, timeoutMs);
    if (foreign) {
      stream.end(foreign);
      return;
    }
    const method = this.#methods.get(headers.path);
    const observer = method ? this.#observer : noObserver;
    const call = new GrpcCall({ headers }, { stream, context: this, observer });
    stream.listener = call;
    if (!method) {
      call.end(unknownMethod(headers.path, this.#methods));
      return;
    }
    const reason = unreadable(headers, timeoutMs ?? undefined);
    if (reason) {
      call.end(reason);
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
        call.end(moreMessages);
        return;
      }
      called = true;
      call.message = message;
      const answered = method.handleInPieces
        ? method.handleInPieces(call).then((pieces) => call.answerInPieces(pieces))
        : method.handle(call).then((response) => call.answer(response));
      answered.then(
        () => {},
        (error: unknown) => this.#fail(call, error),
      );
    };
    call.onHalfClose = () => {
      if (!called) call.end(noMessage);
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
