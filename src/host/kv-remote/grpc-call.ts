/**
 * One gRPC call from the client's side, on one stream of node:http2. Reports each message and then, once, how it ended: with
 * the server's status, or lost, and then whether the server can have seen the request.
 */
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { decodeGrpcMessage, GrpcDeframer, GrpcFrameError, grpcFrame } from "../../store/wire/grpc-frame.ts";
import { WireError } from "../../store/wire/protobuf.ts";
import type { GrpcStatus } from "../../store/wire/status.ts";

/** Longest answer: gRPC's own bound for etcd clients. A range answer may be this long, so no smaller one is safe. */
const answerBytesMax = 2 ** 31 - 1;

export interface CallEnd {
  readonly status: GrpcStatus;
  /**
   * `answered`: the server gave the status. `unseen`: the server certainly did not process the request. `lost`: nobody
   * knows; a write may have happened.
   */
  readonly fate: "answered" | "unseen" | "lost";
}

export interface CallSink {
  /** May throw WireError for an answer that cannot be read: the call then ends as lost. */
  message(bytes: Uint8Array): void;
  /** Called once, after all messages; not called after `cancel`. */
  ended(end: CallEnd): void;
}

/** The end of a call that could not even be started. */
export function unseen(message: string): CallEnd {
  return { status: { code: GrpcCode.UNAVAILABLE, message }, fate: "unseen" };
}

export class GrpcCall {
  readonly #stream: ClientHttp2Stream;
  readonly #sink: CallSink;
  readonly #deframer = new GrpcDeframer(answerBytesMax);
  #status: GrpcStatus | null = null;
  #paused = false;
  #closed = false;
  #done = false;

  constructor(stream: ClientHttp2Stream, sink: CallSink) {
    this.#stream = stream;
    this.#sink = sink;
    stream.on("response", (headers) => this.#takeStatus(headers));
    stream.on("trailers", (headers) => this.#takeStatus(headers));
    stream.on("data", (chunk: Buffer) => {
      this.#deframer.push(chunk);
      this.#deliver();
    });
    stream.on("error", () => {}); // `close` follows, and rstCode tells
    stream.on("close", () => {
      this.#closed = true;
      this.#deliver();
    });
  }

  write(message: Uint8Array): void {
    if (!this.#done && !this.#stream.writableEnded) this.#stream.write(grpcFrame(message));
  }

  /** The last (or only) message of this side. */
  writeLast(message: Uint8Array): void {
    if (!this.#done) this.#stream.end(grpcFrame(message));
  }

  pause(): void {
    this.#paused = true;
    this.#stream.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#deliver();
    if (!this.#paused) this.#stream.resume();
  }

  /** Ends the call at once, silently. */
  cancel(): void {
    if (this.#done) return;
    this.#done = true;
    this.#stream.close(constants.NGHTTP2_CANCEL);
    this.#stream.resume();
  }

  /** Ends the call at once as lost, because its connection is given up. */
  lose(message: string): void {
    if (this.#done) return;
    this.#done = true;
    this.#stream.close(constants.NGHTTP2_CANCEL);
    this.#sink.ended({ status: { code: GrpcCode.UNAVAILABLE, message }, fate: "lost" });
  }

  #deliver(): void {
    try {
      while (!this.#done && !this.#paused) {
        const frame = this.#deframer.next();
        if (frame === null) break;
        // grpc-accept-encoding was not sent, so a compressed answer is the server's mistake.
        if (frame.compressed) this.#fail("compressed answer");
        else this.#sink.message(frame.bytes);
      }
    } catch (error) {
      if (!(error instanceof GrpcFrameError) && !(error instanceof WireError)) throw error;
      this.#fail(error.message);
    }
    if (this.#closed && !this.#paused && !this.#done) this.#end();
  }

  #fail(message: string): void {
    this.#done = true;
    this.#stream.close(constants.NGHTTP2_CANCEL);
    this.#sink.ended({ status: { code: GrpcCode.INTERNAL, message }, fate: "lost" });
  }

  #end(): void {
    this.#done = true;
    if (this.#status) {
      this.#sink.ended({ status: this.#status, fate: "answered" });
    } else if (this.#stream.rstCode === constants.NGHTTP2_REFUSED_STREAM) {
      this.#sink.ended(unseen("the server refused the stream"));
    } else {
      const message = "the connection was lost before the answer";
      this.#sink.ended({ status: { code: GrpcCode.UNAVAILABLE, message }, fate: "lost" });
    }
  }

  #takeStatus(headers: IncomingHttpHeaders): void {
    const code = headers["grpc-status"];
    if (code !== undefined) {
      const message = decodeGrpcMessage(String(headers["grpc-message"] ?? ""));
      this.#status = { code: Number(code), message };
      return;
    }
    const http = Number(headers[":status"] ?? 200);
    if (http !== 200)
      this.#status = { code: GrpcCode.UNAVAILABLE, message: `unexpected HTTP status ${http}` };
  }
}
