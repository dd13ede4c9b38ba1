/** What all gateway calls share: limits, the codec, and whom to tell. */
import type { Logger } from "../../base/ports.ts";
import type { GrpcStatus } from "../../store/wire/status.ts";
import type { GrpcObserver } from "../transport/grpc-method.ts";
import { JsonError } from "./errors.ts";
import { parseJson } from "./json-parse.ts";
import type { JsonReader } from "./json-reader.ts";
import type { JsonText, JsonValuesOptions } from "./json-values.ts";
import type { JsonWriter } from "./json-writer.ts";
import type { Route } from "./routes.ts";

export interface CallContext {
  /** Longest protobuf message, as for gRPC (etcd.md section 1). */
  readonly receiveBytesMax: number;
  /** Limits of one JSON value of a request. */
  jsonLimits(route: Route): JsonValuesOptions;
  readonly reader: JsonReader;
  readonly writer: JsonWriter;
  readonly observer: GrpcObserver;
  readonly logger: Logger;
  /** The call is over. */
  done(call: GatewayCall): void;
}

/** A call in progress, as the gateway keeps it. */
export interface GatewayCall {
  /** Ends it with this status unless it is over already. */
  end(status: GrpcStatus): void;
  /** The server is about to stop; streams end at once, unary calls may finish. */
  stop(status: GrpcStatus): void;
}

/** One JSON value as the rpc's encoded request. Throws JsonError. */
export function encodeRequest(context: CallContext, route: Route, json: JsonText): Buffer {
  const message = route.request.encode(context.reader.read(route.request, parseJson(json)));
  const bytesMax = context.receiveBytesMax;
  if (message.length <= bytesMax) return message;
  const what = `grpc: received message larger than max (${message.length} vs. ${bytesMax})`;
  throw new JsonError(what, { code: "gateway.oversize" });
}

/** What stands for an empty body: the message without fields. */
export const emptyObject: JsonText = { bytes: Buffer.from("{}"), longNumbers: false };
