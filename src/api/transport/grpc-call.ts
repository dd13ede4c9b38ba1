/**
 * One gRPC call on one HTTP/2 stream: body bytes in, frames out, exactly one status. Both kinds of method stand on it; a unary
 * method is a stream of one message each way, and the call itself is what its handler is given.
 *
 *   open --respond--> answering --end/fail--> done
 *   open --fail--> done (trailers-only)        any --RST, deadline, lost connection--> done (aborted)
 */
import { emptyBytes } from "../../base/bytes.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock, Timer } from "../../base/ports.ts";
import type { RequestHeaders } from "../../http2/request-headers.ts";
import type { Http2Stream, StreamListener } from "../../http2/stream.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import {
  GrpcDeframer,
  GrpcFrameError,
  grpcFrame,
  grpcPrefix,
  grpcPrefixBytes,
} from "../../store/wire/grpc-frame.ts";
import type { GrpcStatus } from "../../store/wire/status.ts";
import { answerHeaders, okTrailers, trailersOf, trailersOnly } from "./answer-headers.ts";
import { GrpcError } from "./errors.ts";
import type { GrpcObserver, GrpcStream, UnaryCall } from "./grpc-method.ts";
import { grpcPieces } from "./grpc-pieces.ts";
import type { Inflater } from "./inflate.ts";
import { statusOfFailure } from "./status-of-failure.ts";

/** What the calls of one connection share. */
export interface CallContext {
  /** Longest request message (etcd.md section 1). */
  readonly receiveBytesMax: number;
  /** Counts bytes of messages that are not complete or not read, over all calls; false if they are too many now. */
  hold(bytes: number): boolean;
  readonly inflater: Inflater;
  /** The call is over, one way or the other. */
  done(call: GrpcCall): void;
}

export class GrpcCall implements GrpcStream, UnaryCall, StreamListener {
  readonly path: string;
  readonly metadata: RequestHeaders;
  /** Of a unary call; set before the handler sees it. */
  message: Uint8Array = emptyBytes;
  onMessage: (message: Uint8Array) => void = () => {};
  onHalfClose: () => void = () => {};
  onDrain: () => void = () => {};
  onDone: () => void = () => {};
  readonly #stream: Http2Stream;
  readonly #context: CallContext;
  readonly #observer: GrpcObserver;
  readonly #startedAt: number;
  #deframer: GrpcDeframer | undefined;
  /** The message that is being inflated, or was while reading was paused. Those behind it wait. */
  #inflating: { bytes: number; message: Uint8Array | null } | null = null;
  /** How much of it the context counts. */
  #held = 0;
  /** Made when somebody asks for the signal: most calls end without one. */
  #abort: AbortController | undefined;
  #aborted = false;
  #deadline: Timer | undefined;
  #responded = false;
  #done = false;
  #paused = false;
  /** The client has half-closed, and the handler does not know yet. */
  #ended = false;

  constructor(
    options: { headers: RequestHeaders },
    modules: { stream: Http2Stream; context: CallContext; observer: GrpcObserver },
  ) {
    this.metadata = options.headers;
    this.path = options.headers.path;
    this.#stream = modules.stream;
    this.#context = modules.context;
    this.#observer = modules.observer;
    this.#startedAt = this.#observer.started(this.path, this.metadata);
  }

  get signal(): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#aborted) this.#abort.abort();
    }
    return this.#abort.signal;
  }

  /** Ends the call with DeadlineExceeded after `timeoutMs` (grpc-timeout). */
  expireAfter(timeoutMs: number, clock: Clock): void {
    this.#deadline = clock.at(Instant(clock.now() + timeoutMs), () => {
      this.end({ code: GrpcCode.DEADLINE_EXCEEDED, message: "context deadline exceeded" });
    });
  }

  write(message: Uint8Array): boolean {
    if (this.#done) return true;
    this.#respond();
    return this.#stream.write(grpcFrame(message));
  }

  writePieces(pieces: readonly Uint8Array[]): boolean {
    if (this.#done) return true;
    this.#respond();
    const { front, large } = grpcPieces(pieces);
    let ready = this.#stream.write(front);
    for (const piece of large) ready = this.#stream.write(piece);
    return ready;
  }

  /** A message goes out; before the first one, the headers. */
  #respond(): void {
    if (!this.#responded) {
      this.#responded = true;
      this.#stream.respond(answerHeaders);
    }
    this.#observer.sent(this.path);
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

  /** The answer of a unary call and its success in one. */
  answer(message: Uint8Array): void {
    if (this.#done) return;
    this.#observer.sent(this.path);
    this.#stream.answer(answerHeaders, grpcFrame(message), okTrailers);
    this.#finish(GrpcCode.OK, false);
  }

  /** The same, of one message that is in pieces; they are not joined. */
  answerInPieces(pieces: readonly Uint8Array[]): void {
    const [first] = pieces;
    if (this.#done || first === undefined || pieces.length === 1) {
      this.answer(first ?? emptyBytes);
      return;
    }
    this.#observer.sent(this.path);
    this.#stream.respond(answerHeaders);
    this.#stream.write(grpcPrefix(pieces.reduce((sum, piece) => sum + piece.length, 0)));
    for (const piece of pieces) this.#stream.write(piece);
    this.#stream.end(okTrailers);
    this.#finish(GrpcCode.OK, false);
  }

  end(status: GrpcStatus): void {
    if (this.#done) return;
    this.#stream.end(this.#responded ? trailersOf(status) : trailersOnly(status));
    this.#finish(status.code, status.code !== GrpcCode.OK);
  }

  /** Body bytes of the client. */
  data(bytes: Uint8Array, ended: boolean): void {
    if (this.#done) return;
    this.#ended = ended;
    if (this.#deframer === undefined) {
      if (ended && !this.#paused && this.#isOneMessage(bytes)) {
        this.#observer.received(this.path);
        this.onMessage(bytes.subarray(grpcPrefixBytes));
        this.#halfClose();
        return;
      }
      this.#deframer = new GrpcDeframer(this.#context.receiveBytesMax);
    }
    this.#deframer.push(bytes);
    this.#deliver();
  }

  drained(): void {
    if (!this.#done) this.onDrain();
  }

  aborted(): void {
    if (!this.#done) this.#finish(GrpcCode.CANCELED, true);
  }

  /** The usual unary request: one whole uncompressed message, with nothing before or behind it. */
  #isOneMessage(bytes: Uint8Array): boolean {
    const length = bytes.length - grpcPrefixBytes;
    if (length < 0 || length > 0xffff || length > this.#context.receiveBytesMax) return false;
    return bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0 && (bytes[3]! << 8) + bytes[4]! === length;
  }

  #deliver(): void {
    const deframer = this.#deframer;
    if (deframer === undefined) {
      this.#halfClose();
      return;
    }
    try {
      while (!this.#done && !this.#paused) {
        const message = this.#next(deframer);
        if (message === null) break;
        this.#observer.received(this.path);
        this.onMessage(message);
      }
    } catch (error) {
      if (!(error instanceof GrpcFrameError) && !(error instanceof GrpcError)) throw error;
      this.end(statusOfFailure(error));
    }
    if (this.#done) return;
    deframer.settle();
    if (this.#hold(deframer.keptBytes + (this.#inflating?.bytes ?? 0))) this.#halfClose();
    else this.end({ code: GrpcCode.RESOURCE_EXHAUSTED, message: "grpc: too many unread request bytes" });
  }

  /** The next message, or null while there is none. */
  #next(deframer: GrpcDeframer): Uint8Array | null {
    if (this.#inflating) {
      const { message } = this.#inflating;
      if (message) this.#inflating = null;
      return message;
    }
    const frame = deframer.next();
    if (frame === null) return null;
    if (!frame.compressed) return frame.bytes;
    if (this.metadata.get("grpc-encoding") !== "gzip") {
      throw new GrpcError(GrpcCode.INTERNAL, "grpc: compressed flag set with identity or empty encoding");
    }
    const inflating: { bytes: number; message: Uint8Array | null } = {
      bytes: frame.bytes.length,
      message: null,
    };
    this.#inflating = inflating;
    this.#context.inflater.inflate(frame.bytes, this.#context.receiveBytesMax, (outcome) => {
      if (this.#done) return;
      if (outcome instanceof GrpcError) {
        this.end(statusOfFailure(outcome));
        return;
      }
      inflating.message = outcome;
      inflating.bytes = outcome.length;
      this.#deliver();
    });
    return null;
  }

  /** Tells the handler that nothing more comes, once it has read everything. */
  #halfClose(): void {
    if (!this.#ended || this.#done || this.#paused || this.#inflating) return;
    this.#ended = false;
    if (this.#deframer === undefined || this.#deframer.atBoundary) this.onHalfClose();
    else this.end({ code: GrpcCode.INTERNAL, message: "unexpected EOF" });
  }

  #hold(bytes: number): boolean {
    const more = bytes - this.#held;
    this.#held = bytes;
    return more === 0 || this.#context.hold(more);
  }

  /** The status is decided; nothing of the client is of interest any more. */
  #finish(code: number, abort: boolean): void {
    this.#done = true;
    this.#deadline?.cancel();
    this.#hold(0);
    this.#deframer = undefined;
    this.#inflating = null;
    this.#observer.handled(this.path, code, this.#startedAt);
    if (this.#paused) this.#stream.resume();
    this.#context.done(this);
    this.onDone();
    this.#aborted = abort;
    if (abort) this.#abort?.abort();
  }
}
