/** A unary rpc through the gateway: the first JSON value of the body is the request, as for etcd; the rest is not read. */
import { AssertionFailure } from "../../base/assert.ts";
import { messageOf } from "../../base/errors.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import type { GrpcStatus } from "../../store/wire/status.ts";
import { GrpcError } from "../transport/errors.ts";
import type { Metadata, UnaryMethod } from "../transport/grpc-method.ts";
import { statusOfFailure } from "../transport/status-of-failure.ts";
import { type CallContext, emptyObject, encodeRequest, type GatewayCall } from "./call-context.ts";
import type { Carrier, CarrierListener } from "./carrier.ts";
import { JsonError } from "./errors.ts";
import { jsonPieces } from "./json-pieces.ts";
import { type JsonText, JsonValues } from "./json-values.ts";
import type { Route } from "./routes.ts";

export interface UnaryOptions {
  readonly route: Route;
  readonly method: UnaryMethod;
  readonly metadata: Metadata;
}

export class UnaryCall implements CarrierListener, GatewayCall {
  readonly #options: UnaryOptions;
  readonly #carrier: Carrier;
  readonly #context: CallContext;
  readonly #values: JsonValues;
  readonly #abort = new AbortController();
  /** reading -> called (the observer knows of it) -> done. */
  #state: "reading" | "called" | "done" = "reading";
  #startedAt = 0;

  constructor(options: UnaryOptions, modules: { carrier: Carrier; context: CallContext }) {
    this.#options = options;
    this.#carrier = modules.carrier;
    this.#context = modules.context;
    this.#values = new JsonValues(modules.context.jsonLimits(options.route));
  }

  input(chunk: Buffer): void {
    if (this.#state !== "reading") return;
    this.#values.push(chunk);
    this.#read(null);
  }

  inputEnded(): void {
    if (this.#state !== "reading") return;
    this.#values.end();
    this.#read(emptyObject);
  }

  drained(): void {}

  aborted(): void {
    if (this.#state === "done") return;
    this.#over(GrpcCode.CANCELED);
    this.#abort.abort();
  }

  end(status: GrpcStatus): void {
    if (this.#state === "done") return;
    this.#over(status.code);
    this.#carrier.fail(status, "call");
    this.#abort.abort();
  }

  stop(): void {
    this.#carrier.last();
  }

  #read(otherwise: JsonText | null): void {
    try {
      const json = this.#values.next() ?? otherwise;
      if (json) this.#call(encodeRequest(this.#context, this.#options.route, json));
    } catch (error) {
      if (!(error instanceof JsonError)) throw error;
      this.end(error.status);
    }
  }

  #call(message: Buffer): void {
    const { route, method, metadata } = this.#options;
    const { observer } = this.#context;
    this.#state = "called";
    this.#startedAt = observer.started(route.rpc, metadata);
    observer.received(route.rpc);
    method
      .handle({ path: route.rpc, message, metadata, signal: this.#abort.signal })
      .then((response) => this.#answer(response))
      .catch((error: unknown) => this.#fail(error));
  }

  #answer(response: Uint8Array): void {
    if (this.#state === "done") return;
    const { route } = this.#options;
    this.#context.observer.sent(route.rpc);
    this.#over(GrpcCode.OK);
    this.#carrier.answer(jsonPieces(this.#context.writer, route.response, response));
  }

  #fail(error: unknown): void {
    if (error instanceof AssertionFailure) throw error;
    if (!(error instanceof GrpcError)) {
      const method = this.#options.route.rpc;
      this.#context.logger.error({ method, error: messageOf(error) }, "gateway handler failed");
    }
    this.end(statusOfFailure(error));
  }

  #over(code: number): void {
    if (this.#state === "called") {
      this.#context.observer.handled(this.#options.route.rpc, code, this.#startedAt);
    }
    this.#state = "done";
    this.#context.done(this);
  }
}
