/**
 * The JSON gateway (etcd.md 12): JSON to protobuf, the very methods that gRPC clients call, and back. So identity, the gate and
 * every error come from one place. It knows neither HTTP nor WebSocket; those are carriers.
 */
import type { IncomingHttpHeaders } from "node:http";
import { Instant } from "../../base/ids.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { statusTable } from "../../store/wire/status.ts";
import { grpcReceiveBytesMax } from "../transport/direct-grpc-server.ts";
import { type GrpcMethods, type GrpcObserver, noObserver } from "../transport/grpc-method.ts";
import { parseGrpcTimeout } from "../transport/grpc-timeout.ts";
import type { CallContext, GatewayCall } from "./call-context.ts";
import type { Carrier } from "./carrier.ts";
import { JsonReader } from "./json-reader.ts";
import type { JsonValuesOptions } from "./json-values.ts";
import { JsonWriter } from "./json-writer.ts";
import { metadataOf } from "./metadata.ts";
import type { Route } from "./routes.ts";
import { StreamCall } from "./stream-call.ts";
import { UnaryCall } from "./unary-call.ts";

/** JSON is larger than the message in it: base64 takes a third more, and there are names. */
const jsonPerMessage = 2;
/**
 * A body of nothing but `{},` would keep the parser, and so the event loop, busy for a second. Requests have a dozen fields,
 * and room for some that we do not know; except for transactions: compares and operations of two branches, each with a few
 * fields, and transactions within.
 */
const elementsMax = 1000;
const txnElementsMin = 25_000;
const elementsPerOperation = 40;
const txnRpc = "/etcdserverpb.KV/Txn";

export class Gateway implements CallContext {
  readonly receiveBytesMax: number;
  /** Longest JSON value of a request. */
  readonly jsonBytesMax: number;
  readonly reader: JsonReader = new JsonReader();
  readonly writer: JsonWriter = new JsonWriter();
  readonly observer: GrpcObserver;
  readonly logger: Logger;
  readonly #methods: GrpcMethods;
  readonly #clock: Clock;
  readonly #txnElementsMax: number;
  readonly #calls = new Map<GatewayCall, (() => void) | undefined>();

  constructor(
    options: { methods: GrpcMethods; receiveBytesMax?: number; txnOperationsMax?: number },
    modules: { clock: Clock; logger: Logger; observer?: GrpcObserver },
  ) {
    this.receiveBytesMax = options.receiveBytesMax ?? grpcReceiveBytesMax;
    this.jsonBytesMax = jsonPerMessage * this.receiveBytesMax;
    this.#txnElementsMax = Math.max(txnElementsMin, elementsPerOperation * (options.txnOperationsMax ?? 0));
    this.observer = modules.observer ?? noObserver;
    this.logger = modules.logger;
    this.#methods = options.methods;
    this.#clock = modules.clock;
  }

  /** Serves one call; the carrier is told everything from here on. */
  open(route: Route, headers: IncomingHttpHeaders, carrier: Carrier): void {
    const metadata = metadataOf(headers);
    const method = this.#methods.get(route.rpc);
    const modules = { carrier, context: this };
    if (method === undefined) {
      const message = `method ${route.rpc} not implemented`;
      carrier.fail({ code: GrpcCode.UNIMPLEMENTED, message }, "call");
      return;
    }
    const timeout = headers["grpc-timeout"];
    const timeoutMs = parseGrpcTimeout(Array.isArray(timeout) ? timeout[0] : timeout);
    if (typeof timeoutMs === "object") {
      carrier.fail({ code: GrpcCode.INVALID_ARGUMENT, message: `invalid grpc-timeout: ${timeout}` }, "call");
      return;
    }
    const call =
      method.kind === "unary"
        ? new UnaryCall({ route, method, metadata }, modules)
        : new StreamCall({ route, method, metadata }, modules);
    this.#calls.set(call, timeoutMs === undefined ? undefined : this.#expire(call, timeoutMs));
    carrier.start(call);
    if (call instanceof StreamCall) call.begin();
  }

  jsonLimits({ rpc }: Route): JsonValuesOptions {
    return { bytesMax: this.jsonBytesMax, elementsMax: rpc === txnRpc ? this.#txnElementsMax : elementsMax };
  }

  done(call: GatewayCall): void {
    this.#calls.get(call)?.();
    this.#calls.delete(call);
  }

  /** Ends all streams, since a server that stops does not wait for them; unary calls may finish. */
  close(): void {
    const { grpc, text } = statusTable["kv.stopped"];
    for (const call of this.#calls.keys()) call.stop({ code: grpc, message: text ?? "" });
  }

  #expire(call: GatewayCall, timeoutMs: number): () => void {
    const timer = this.#clock.at(Instant(this.#clock.now() + timeoutMs), () => {
      call.end({ code: GrpcCode.DEADLINE_EXCEEDED, message: "context deadline exceeded" });
    });
    return () => timer.cancel();
  }
}
