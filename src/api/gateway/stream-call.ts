/**
 * A streaming rpc through the gateway (etcd.md 12.3): what the method sees as a gRPC stream. Each JSON value of the request is a
 * message in, each message out is `{"result":...}`. Backpressure goes both ways: a method that pauses stops the reading of the
 * request, and a client that does not read makes `write` say "wait".
 */
import { AssertionFailure } from "../../base/assert.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import type { GrpcStatus } from "../../store/wire/status.ts";
import type { GrpcStream, Metadata, StreamMethod } from "../transport/grpc-method.ts";
import { statusOfFailure } from "../transport/status-of-failure.ts";
import { type CallContext, emptyObject, encodeRequest, type GatewayCall } from "./call-context.ts";
import type { Carrier, CarrierListener } from "./carrier.ts";
import { JsonError } from "./errors.ts";
import { jsonPieces } from "./json-pieces.ts";
import { JsonValues } from "./json-values.ts";
import { type Route, staysOpen } from "./routes.ts";

/** Requests of one call that are served in one turn of the event loop: a chunk holds thousands of tiny ones. */
const requestsPerTurn = 200;

export interface StreamOptions {
  readonly route: Route;
  readonly method: StreamMethod;
  readonly metadata: Metadata;
}

export class StreamCall implements GrpcStream, CarrierListener, GatewayCall {
  readonly path: string;
  readonly metadata: Metadata;
  onMessage: (message: Uint8Array) => void = () => {};
  onHalfClose: () => void = () => {};
  onDrain: () => void = () => {};
  onDone: () => void = () => {};
  readonly #route: Route;
  readonly #method: StreamMethod;
  readonly #carrier: Carrier;
  readonly #context: CallContext;
  readonly #values: JsonValues;
  readonly #abort = new AbortController();
  /** waiting (for the one request of a server stream) -> open -> done. */
  #state: "waiting" | "open" | "done" = "waiting";
  #startedAt = 0;
  #paused = false;
  /** The rest of what has come is served in the next turn of the event loop. */
  #yielding = false;
  #answered = false;
  /** The client sends nothing more that counts. */
  #inputEnded = false;
  #halfClosed = false;
  /** The one request of a server stream, until its method takes it. */
  #only: Buffer | null = null;

  constructor(options: StreamOptions, modules: { carrier: Carrier; context: CallContext }) {
    this.path = options.route.rpc;
    this.metadata = options.metadata;
    this.#route = options.route;
    this.#method = options.method;
    this.#carrier = modules.carrier;
    this.#context = modules.context;
    this.#values = new JsonValues(modules.context.jsonLimits(options.route));
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Hands the stream to its method, unless that has to wait for the request. */
  begin(): void {
    if (this.#method.kind === "bidi_stream") this.#open();
  }

  input(chunk: Buffer): void {
    if (this.#state === "done" || this.#inputEnded) return;
    this.#values.push(chunk);
    this.#deliver();
  }

  inputEnded(): void {
    if (this.#state === "done" || this.#inputEnded) return;
    this.#inputEnded = true;
    this.#values.end();
    this.#deliver();
  }

  drained(): void {
    if (this.#state === "open") this.onDrain();
  }

  aborted(): void {
    if (this.#state !== "done") this.#over(GrpcCode.CANCELED);
  }

  write(message: Uint8Array): boolean {
    if (this.#state === "done") return true;
    this.#context.observer.sent(this.path);
    this.#answered = true;
    const { response } = this.#route;
    return this.#carrier.line(result(jsonPieces(this.#context.writer, response, message)));
  }

  pause(): void {
    this.#paused = true;
    this.#carrier.pause();
  }

  resume(): void {
    if (!this.#paused || this.#state === "done") return;
    this.#paused = false;
    this.#goOn();
  }

  end(status: GrpcStatus): void {
    this.#finish(status, "stream");
  }

  stop(status: GrpcStatus): void {
    this.#carrier.last();
    this.end(status);
  }

  #open(): void {
    this.#state = "open";
    this.#startedAt = this.#context.observer.started(this.path, this.metadata);
    try {
      this.#method.handle(this);
    } catch (error) {
      if (error instanceof AssertionFailure) throw error;
      this.end(statusOfFailure(error));
    }
  }

  /** Serves what has come, then lets more come. */
  #goOn(): void {
    this.#deliver();
    if (!this.#paused && !this.#yielding && this.#state !== "done") this.#carrier.resume();
  }

  #yield(): void {
    this.#yielding = true;
    this.#carrier.pause();
    setImmediate(() => {
      this.#yielding = false;
      if (this.#state !== "done") this.#goOn();
    });
  }

  #deliver(): void {
    let left = requestsPerTurn;
    try {
      for (let message = this.#next(); message; message = this.#next()) {
        this.#context.observer.received(this.path);
        this.onMessage(message);
        if (--left === 0) this.#yield();
      }
    } catch (error) {
      this.#refuse(error);
    }
    this.#halfClose();
  }

  /** The next message for the method; null if there is none, or none may be given now. */
  #next(): Buffer | null {
    if (this.#state === "waiting") {
      const json = this.#values.next() ?? (this.#inputEnded ? emptyObject : null);
      if (json === null) return null;
      this.#only = encodeRequest(this.#context, this.#route, json);
      this.#inputEnded = true; // whatever follows does not count
      this.#open();
    }
    if (this.#state !== "open" || this.#paused || this.#yielding) return null;
    const only = this.#only;
    this.#only = null;
    if (this.#method.kind === "server_stream") return only;
    const json = this.#values.next();
    return json && encodeRequest(this.#context, this.#route, json);
  }

  /** JSON that cannot be read ends the call; before the first answer it looks as for a unary one. */
  #refuse(error: unknown): void {
    if (!(error instanceof JsonError)) throw error;
    this.#finish(error.status, this.#answered ? "stream" : "call");
  }

  /** Tells the method that nothing more comes, once it has read everything. */
  #halfClose(): void {
    if (!this.#inputEnded || this.#halfClosed || this.#paused || this.#yielding) return;
    if (this.#state !== "open") return;
    this.#halfClosed = true;
    if (!staysOpen(this.#route)) this.onHalfClose();
  }

  #finish(status: GrpcStatus, form: "call" | "stream"): void {
    if (this.#state === "done") return;
    this.#over(status.code);
    if (status.code === GrpcCode.OK) this.#carrier.end();
    else this.#carrier.fail(status, form);
  }

  #over(code: number): void {
    if (this.#state === "open") this.#context.observer.handled(this.path, code, this.#startedAt);
    this.#state = "done";
    this.#context.done(this);
    this.onDone();
    if (code !== GrpcCode.OK) this.#abort.abort();
  }
}

function* result(message: Iterable<string>): Generator<string, void, void> {
  yield '{"result":';
  yield* message;
  yield "}";
}
