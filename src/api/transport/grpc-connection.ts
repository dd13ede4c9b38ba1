/** One client's socket, driven by http2/'s state machine: its bytes in, the output out, and a bound on what waits to leave. */
import type { Socket } from "node:net";
import { Instant } from "../../base/ids.ts";
import type { Clock, Logger, Timer } from "../../base/ports.ts";
import { Http2Connection, type Http2Sink } from "../../http2/connection.ts";
import type { Http2Error } from "../../http2/errors.ts";
import type { Http2Options } from "../../http2/options.ts";
import type { RequestHeaders } from "../../http2/request-headers.ts";
import type { Http2Stream } from "../../http2/stream.ts";
import type { Flusher } from "./flusher.ts";

/** Messages wait in their streams' outboxes while the socket holds this much that the client does not take. */
const socketBytesMax = 256 * 1024;
/** A client that takes nothing and goes on asking is not read any more: even headers and acknowledgements add up. */
const unreadBytesMax = 1024 * 1024;
/** For the last bytes, GOAWAY among them, to leave before the socket is torn down. */
const lingerMs = 1000;

/** For the first SETTINGS to come; whoever says no more than the preface is no client. */
const greetingTimeoutMs = 10_000;

/** When a silent client is asked whether it is there, and how long it has to answer. */
export interface KeepaliveOptions {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** Where its calls go. */
export interface GrpcConnectionOwner {
  opened(connection: GrpcConnection, stream: Http2Stream, headers: RequestHeaders, ended: boolean): void;
  closed(connection: GrpcConnection): void;
}

export class GrpcConnection implements Http2Sink {
  readonly #socket: Socket;
  readonly #owner: GrpcConnectionOwner;
  readonly #flusher: Flusher;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #http2: Http2Connection;
  readonly #keepalive: KeepaliveOptions;
  #over = false;
  #linger: Timer | undefined;
  #lastRead: Instant;
  #silence: Timer | undefined;

  constructor(
    options: { http2: Http2Options; keepalive: KeepaliveOptions },
    modules: { socket: Socket; owner: GrpcConnectionOwner; flusher: Flusher; clock: Clock; logger: Logger },
  ) {
    this.#socket = modules.socket;
    this.#owner = modules.owner;
    this.#flusher = modules.flusher;
    this.#clock = modules.clock;
    this.#logger = modules.logger;
    this.#keepalive = options.keepalive;
    this.#lastRead = this.#clock.now();
    this.#http2 = new Http2Connection(options.http2, this);
  }

  /** Begins to read. */
  start(): void {
    const socket = this.#socket;
    socket.on("data", (chunk: Buffer) => {
      this.#lastRead = this.#clock.now();
      this.#http2.receive(chunk, this.#lastRead);
    });
    socket.on("drain", () => {
      socket.resume();
      this.#http2.pump(true);
    });
    socket.on("error", (error) => {
      this.#logger.debug({ error: error.message }, "gRPC connection failed");
    });
    socket.on("close", () => {
      this.#linger?.cancel();
      this.#silence?.cancel();
      this.#http2.lost();
      this.#owner.closed(this);
    });
    socket.resume();
    this.#after(greetingTimeoutMs, () => {
      if (this.#http2.greeted) this.#listen();
      else this.destroy();
    });
  }

  get bytesRead(): number {
    return this.#socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.#socket.bytesWritten;
  }

  /** Lets the open calls finish, then closes. */
  shutdown(): void {
    this.#http2.shutdown();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  opened(stream: Http2Stream, headers: RequestHeaders, ended: boolean): void {
    this.#owner.opened(this, stream, headers, ended);
  }

  outputReady(): void {
    this.#flusher.later(this);
  }

  over(failure: Http2Error | null): void {
    if (failure) this.#logger.debug({ error: failure.message }, "gRPC connection broke HTTP/2");
    this.#over = true;
    this.#flusher.later(this);
  }

  /** Hands the output to the socket. */
  flush(): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    const pieces = this.#http2.takeOutput();
    if (pieces.length > 1) socket.cork();
    for (const piece of pieces) socket.write(piece);
    if (pieces.length > 1) socket.uncork();
    if (this.#over) {
      this.#close();
      return;
    }
    const waiting = socket.writableLength;
    if (waiting >= unreadBytesMax) socket.pause();
    this.#http2.pump(waiting < socketBytesMax || !socket.writableNeedDrain);
  }

  /** Waits for a silence of the keepalive interval, and then pings into it. */
  #listen(): void {
    const { intervalMs, timeoutMs } = this.#keepalive;
    const heard = this.#lastRead;
    const left = heard + intervalMs - this.#clock.now();
    if (left > 0) {
      this.#after(left, () => this.#listen());
      return;
    }
    this.#http2.ping();
    this.#after(timeoutMs, () => {
      if (this.#lastRead > heard) this.#listen();
      else this.destroy();
    });
  }

  #after(ms: number, then: () => void): void {
    this.#silence = this.#clock.at(Instant(this.#clock.now() + ms), then);
  }

  /** Closes when the last bytes have left, or were not taken in time. */
  #close(): void {
    if (this.#linger) return;
    this.#linger = this.#clock.at(Instant(this.#clock.now() + lingerMs), () => this.#socket.destroy());
    this.#socket.destroySoon();
  }
}
