/**
 * One gRPC call on one stream of node:http2: frames in, frames out, exactly one status. Both kinds of method stand on it; a
 * unary method is a stream of one message each way.
 *
 *   open --respond--> answering --end/fail--> done
 *   open --fail--> done (trailers-only)        any --RST, deadline, lost connection--> done (aborted)
 */
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import { Instant } from "../../base/ids.ts";
import type { Clock, Timer } from "../../base/ports.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { encodeGrpcMessage, GrpcDeframer, GrpcFrameError, grpcFrame } from "../../store/wire/grpc-frame.ts";
import type { GrpcStatus } from "../../store/wire/status.ts";
import { GrpcError } from "./errors.ts";
import type { GrpcObserver, GrpcStream, Metadata } from "./grpc-method.ts";
import { acceptedEncodings, messageOfFrame } from "./inflate.ts";

export interface CallLimits {
  /** Longest request message (etcd.md section 1). */
  readonly receiveBytesMax: number;
  /** `write` says "wait" from here on. */
  readonly outboxBytesMax: number;
}

const responseHeaders = {
  ":status": 200,
  "content-type": "application/grpc",
  "grpc-accept-encoding": acceptedEncodings,
};
const statusOk: GrpcStatus = { code: GrpcCode.OK, message: "" };

export class Http2Call implements GrpcStream {
  readonly path: string;
  readonly metadata: Metadata;
  onMessage: (message: Uint8Array) => void = () => {};
  onHalfClose: () => void = () => {};
  onDrain: () => void = () => {};
  readonly #stream: ServerHttp2Stream;
  readonly #encoding: string | undefined;
  readonly #limits: CallLimits;
  readonly #observer: GrpcObserver;
  readonly #deframer: GrpcDeframer;
  readonly #abort = new AbortController();
  #deadline: Timer | undefined;
  #responded = false;
  #done = false;
  #paused = false;
  #ended = false;
  #status: GrpcStatus = statusOk;

  constructor(
    options: { path: string; headers: IncomingHttpHeaders; limits: CallLimits },
    modules: { stream: ServerHttp2Stream; observer: GrpcObserver },
  ) {
    const { path, headers, limits } = options;
    this.path = path;
    this.#limits = limits;
    this.#stream = modules.stream;
    this.#observer = modules.observer;
    this.#encoding = headers["grpc-encoding"] as string | undefined;
    this.#deframer = new GrpcDeframer(limits.receiveBytesMax);
    this.metadata = {
      get: (name) => {
        const value = headers[name];
        return Array.isArray(value) ? value.join(",") : value;
      },
    };
    this.#observer.started(path);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get done(): boolean {
    return this.#done;
  }

  /** Begins to deliver. Callbacks have to be set. */
  start(): void {
    const stream = this.#stream;
    stream.on("data", (chunk: Buffer) => {
      if (this.#done) return;
      this.#deframer.push(chunk);
      this.#deliver();
    });
    stream.on("end", () => {
      this.#ended = true;
      this.#deliver();
    });
    stream.on("drain", () => {
      if (!this.#done) this.onDrain();
    });
    stream.on("error", () => {}); // `close` follows and says the same
    stream.on("close", () => this.#closed());
  }

  /** Ends the call with DeadlineExceeded after `timeoutMs` (grpc-timeout). */
  expireAfter(timeoutMs: number, clock: Clock): void {
    const at = Instant(clock.now() + timeoutMs);
    this.#deadline = clock.at(at, () => {
      this.end({ code: GrpcCode.DEADLINE_EXCEEDED, message: "context deadline exceeded" });
    });
  }

  write(message: Uint8Array): boolean {
    if (this.#done) return true;
    this.#respond();
    this.#observer.sent(this.path);
    this.#stream.write(grpcFrame(message));
    return this.#stream.writableLength < this.#limits.outboxBytesMax;
  }

  pause(): void {
    this.#paused = true;
    this.#stream.pause();
  }

  resume(): void {
    if (!this.#paused || this.#done) return;
    this.#paused = false;
    this.#deliver();
    if (!this.#paused) this.#stream.resume();
  }

  /** The answer of a unary call and its success, in as few writes as possible. */
  answer(message: Uint8Array): void {
    if (this.#done) return;
    this.#respond();
    this.#observer.sent(this.path);
    this.#finish(statusOk);
    this.#stream.end(grpcFrame(message));
  }

  end(status: GrpcStatus): void {
    if (this.#done) return;
    this.#finish(status);
    if (this.#responded) {
      this.#stream.end();
      return;
    }
    // Trailers-only: one HEADERS frame says it all.
    this.#responded = true;
    if (this.#stream.destroyed || this.#stream.closed) return;
    this.#stream.respond({ ...responseHeaders, ...trailersOf(status) }, { endStream: true });
    this.#stopClient();
  }

  #respond(): void {
    if (this.#responded) return;
    this.#responded = true;
    if (this.#stream.destroyed || this.#stream.closed) return;
    this.#stream.on("wantTrailers", () => {
      this.#stream.sendTrailers(trailersOf(this.#status));
      this.#stopClient();
    });
    this.#stream.respond(responseHeaders, { waitForTrailers: true });
  }

  /** The status is decided; nothing of the client is of interest any more. */
  #finish(status: GrpcStatus): void {
    this.#done = true;
    this.#status = status;
    this.#deadline?.cancel();
    this.#observer.handled(this.path, status.code);
    if (status.code !== GrpcCode.OK) this.#abort.abort();
    this.#stream.resume();
  }

  /** A client that is still sending learns that nobody listens (RFC 9113, 8.1: RST_STREAM with NO_ERROR). */
  #stopClient(): void {
    if (!this.#ended) setImmediate(() => this.#stream.close(constants.NGHTTP2_NO_ERROR));
  }

  #deliver(): void {
    try {
      while (!this.#done && !this.#paused) {
        const frame = this.#deframer.next();
        if (frame === null) break;
        const message = messageOfFrame(frame, this.#encoding, this.#limits.receiveBytesMax);
        this.#observer.received(this.path);
        this.onMessage(message);
      }
    } catch (error) {
      if (!(error instanceof GrpcFrameError) && !(error instanceof GrpcError)) throw error;
      this.end(statusOfFailure(error));
      return;
    }
    if (!this.#ended || this.#done || this.#paused) return;
    if (this.#deframer.atBoundary) this.onHalfClose();
    else this.end({ code: GrpcCode.INTERNAL, message: "unexpected EOF" });
  }

  #closed(): void {
    if (this.#done) return;
    this.#done = true;
    this.#deadline?.cancel();
    this.#observer.handled(this.path, GrpcCode.CANCELED);
    this.#abort.abort();
  }
}

function trailersOf(status: GrpcStatus): Record<string, string> {
  const trailers: Record<string, string> = { "grpc-status": String(status.code) };
  if (status.message !== "") trailers["grpc-message"] = encodeGrpcMessage(status.message);
  return trailers;
}

/** The status for whatever a handler or the framing threw. */
export function statusOfFailure(error: unknown): GrpcStatus {
  if (error instanceof GrpcError) return { code: error.detail.status, message: error.message };
  if (error instanceof GrpcFrameError) {
    const oversize = error.code === "grpc.frame-oversize";
    const code = oversize ? GrpcCode.RESOURCE_EXHAUSTED : GrpcCode.INTERNAL;
    return { code, message: `grpc: ${error.message}` };
  }
  return { code: GrpcCode.UNKNOWN, message: error instanceof Error ? error.message : String(error) };
}
