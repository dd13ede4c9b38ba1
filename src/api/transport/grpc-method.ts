/**
 * The seam between the handlers of api/v3 and whatever carries gRPC: a table of methods by full path. Handlers see whole
 * messages as bytes and never a header frame, so node:http2 can be replaced without touching one (design.md, "Edge").
 */
import type { GrpcStatus } from "../../store/wire/status.ts";

/** Request metadata; names are lower-case. A name sent several times gives its values joined by comma, as in HTTP. */
export interface Metadata {
  get(name: string): string | undefined;
}

/** One unary call. `message` is the request without framing or compression, a view that is valid for good. */
export interface UnaryCall {
  readonly path: string;
  readonly message: Uint8Array;
  readonly metadata: Metadata;
  /** Aborted when the client cancels, its deadline passes or its connection is lost. */
  readonly signal: AbortSignal;
}

/**
 * One streaming call. The handler sets the three callbacks before it returns. After `signal` is aborted or `end` was called
 * no callback runs and `write` does nothing.
 */
export interface GrpcStream {
  readonly path: string;
  readonly metadata: Metadata;
  readonly signal: AbortSignal;
  /** A message of the client. Not called while reading is paused. */
  onMessage: (message: Uint8Array) => void;
  /** The client sends nothing more; the stream stays open for answers. */
  onHalfClose: () => void;
  /** The outbox is empty again after `write` returned false. */
  onDrain: () => void;
  /** The call is over, in whatever way. Set by whoever keeps something for the call. */
  onDone?: () => void;
  /** Queues one message. False means "taken, but wait for onDrain": the outbox is at its maximum. */
  write(message: Uint8Array): boolean;
  /** As `write`, for a message in pieces that may be shared with other streams, where the carrier can do that. */
  writePieces?(pieces: readonly Uint8Array[]): boolean;
  /** Stops and continues reading from the client; what it sends meanwhile waits at its side (HTTP/2 flow control). */
  pause(): void;
  resume(): void;
  /** Ends the call after what was written. Code 0 is success. */
  end(status: GrpcStatus): void;
}

export interface UnaryMethod {
  readonly kind: "unary";
  /** The response, or a rejection with GrpcError; anything else becomes Unknown. */
  handle(call: UnaryCall): Promise<Uint8Array>;
  /** The same response in pieces, where it may be large: whoever carries it need not join them. */
  handleInPieces?(call: UnaryCall): Promise<readonly Uint8Array[]>;
}
export interface StreamMethod {
  readonly kind: "server_stream" | "bidi_stream";
  handle(stream: GrpcStream): void;
}
export type GrpcMethod = UnaryMethod | StreamMethod;

/** By full path, `/etcdserverpb.KV/Range`. */
export type GrpcMethods = ReadonlyMap<string, GrpcMethod>;

/** Told about every call; the source of the `grpc_server_*` counters. Paths outside the table are not reported. */
export interface GrpcObserver {
  /** The result is handed back to `handled`: when the call began, if anybody measures that. */
  started(path: string, metadata?: Metadata): number;
  handled(path: string, code: number, started?: number): void;
  received(path: string): void;
  sent(path: string): void;
}

export const noObserver: GrpcObserver = { started: () => 0, handled() {}, received() {}, sent() {} };
