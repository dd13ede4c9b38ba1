/**
 * One multiplexed HTTP/2 connection to one endpoint. A dead peer is found by pings while calls are open: every 6 s, closed
 * when one is not answered within 5 s. Pings go out no closer than that, since etcd answers those that arrive less than 5 s apart
 * with GOAWAY (etcd.md section 1), and none while nothing is open.
 */
import { type ClientHttp2Session, connect } from "node:http2";
import { messageOf } from "../../base/errors.ts";
import { Instant } from "../../base/ids.ts";
import type { Clock, Timer } from "../../base/ports.ts";
import { type CallEnd, type CallSink, GrpcCall, unseen } from "./grpc-call.ts";

const pingEveryMs = 6_000;
const pingTimeoutMs = 5_000;
const streamWindowBytes = 1024 * 1024;
const sessionWindowBytes = 8 * 1024 * 1024;
const sessionMemoryMbMax = 128;

export class GrpcConnection {
  readonly endpoint: string;
  readonly #session: ClientHttp2Session;
  readonly #clock: Clock;
  readonly #calls = new Set<GrpcCall>();
  /** Those of `calls` that never end by themselves. */
  readonly #streams = new Set<GrpcCall>();
  #retired = false;
  #pingTimer: Timer | undefined;
  #lastPing: number;

  /** Resolves once the server has sent its HTTP/2 settings, so that something else on the port is not mistaken for it. */
  static open(endpoint: URL, timeoutMs: number, clock: Clock): Promise<GrpcConnection> {
    const session = connect(endpoint, {
      maxSessionMemory: sessionMemoryMbMax,
      settings: { enablePush: false, initialWindowSize: streamWindowBytes },
    });
    return new Promise((resolve, reject) => {
      const fail = (why: string, cause?: unknown): void => {
        timer.cancel();
        session.destroy();
        reject(new Error(`${endpoint.host}: ${why}`, { cause }));
      };
      const timer = clock.at(Instant(clock.now() + timeoutMs), () => fail("no answer in time"));
      session.once("error", (error) => fail(messageOf(error), error));
      session.once("close", () => fail("closed the connection"));
      session.once("remoteSettings", () => {
        timer.cancel();
        session.removeAllListeners("error").removeAllListeners("close");
        session.setLocalWindowSize(sessionWindowBytes);
        resolve(new GrpcConnection(endpoint.host, session, clock));
      });
    });
  }

  private constructor(endpoint: string, session: ClientHttp2Session, clock: Clock) {
    this.endpoint = endpoint;
    this.#session = session;
    this.#clock = clock;
    this.#lastPing = clock.now();
    session.on("error", () => {}); // every open call hears of it through its own `close`
    session.on("close", () => this.#pingTimer?.cancel());
  }

  /** Whether new calls may go here. */
  get usable(): boolean {
    return !this.#retired && !this.#session.closed && !this.#session.destroyed;
  }

  /** A call without an end of its own (a watch): it is lost when the connection retires. */
  stream(path: string, metadata: Readonly<Record<string, string>>, sink: CallSink): GrpcCall | null {
    const call = this.call(path, metadata, sink);
    if (call) this.#streams.add(call);
    return call;
  }

  /** Starts a call; null, after `sink.ended`, when the connection has gone meanwhile. */
  call(path: string, metadata: Readonly<Record<string, string>>, sink: CallSink): GrpcCall | null {
    if (!this.usable) {
      sink.ended(unseen("the connection is closed"));
      return null;
    }
    const stream = this.#session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...metadata,
    });
    const call = new GrpcCall(stream, sink);
    this.#calls.add(call);
    stream.on("close", () => {
      this.#calls.delete(call);
      this.#streams.delete(call);
    });
    this.#watchPeer();
    return call;
  }

  /** One request, one answer. The promise never rejects. */
  unary(
    path: string,
    message: Uint8Array,
    metadata: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<CallEnd & { message: Uint8Array | null }> {
    return new Promise((resolve) => {
      let answer: Uint8Array | null = null;
      let call: GrpcCall | null = null;
      const cancel = (): void => {
        call?.cancel();
        finish({ status: { code: 1, message: "canceled" }, fate: "lost" });
      };
      // May be called from within `call`.
      const finish = (end: CallEnd): void => {
        signal.removeEventListener("abort", cancel);
        resolve({ ...end, message: answer });
      };
      call = this.call(path, metadata, {
        message: (bytes) => {
          answer = bytes;
        },
        ended: finish,
      });
      if (call === null) return;
      if (signal.aborted) cancel();
      else {
        signal.addEventListener("abort", cancel, { once: true });
        call.writeLast(message);
      }
    });
  }

  /** Takes no new calls and ends its streams; calls in progress finish, and the connection closes after the last. */
  retire(): void {
    this.#retired = true;
    for (const call of this.#streams) call.lose(`moving away from ${this.endpoint}`);
    if (!this.#session.destroyed) this.#session.close();
  }

  destroy(): void {
    this.#retired = true;
    this.#pingTimer?.cancel();
    this.#session.destroy();
  }

  /** Keeps the ping timer going while calls are open. */
  #watchPeer(): void {
    if (this.#pingTimer !== undefined) return;
    const at = Math.max(this.#clock.now(), this.#lastPing + pingEveryMs);
    this.#pingTimer = this.#clock.at(Instant(at), () => this.#ping());
  }

  #ping(): void {
    this.#pingTimer = undefined;
    if (this.#session.destroyed || this.#calls.size === 0) return;
    this.#lastPing = this.#clock.now();
    this.#pingTimer = this.#clock.at(Instant(this.#lastPing + pingTimeoutMs), () => {
      for (const call of this.#calls) call.lose(`${this.endpoint} does not answer pings`);
      this.destroy();
    });
    this.#session.ping((error) => {
      if (error) return;
      this.#pingTimer?.cancel();
      this.#pingTimer = undefined;
      if (this.#calls.size > 0) this.#watchPeer();
    });
  }
}
