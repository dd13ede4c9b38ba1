/**
 * What all unary methods of api/v3 share: decode, call the KvClient, encode; store errors become etcd's statuses. A method
 * file says only which messages and which call.
 */
import { messageOf } from "../../base/errors.ts";
import { type CallOptions, KvError } from "../../store/kv.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { type Codec, WireError } from "../../store/wire/protobuf.ts";
import { type GrpcStatus, statusOfKvError } from "../../store/wire/status.ts";
import { GrpcError } from "../transport/errors.ts";
import type { UnaryCall, UnaryMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";

/** Makes the method of one rpc. `options.raw` of the call is the request as it was received. */
export function unary<Request, Response>(
  request: Codec<Request>,
  response: Codec<Response>,
  gate: Gate,
  call: (request: Request, options: CallOptions) => Promise<Response>,
): UnaryMethod {
  return {
    kind: "unary",
    async handle({ path, message, metadata, signal }) {
      try {
        const admitted = gate.admit(path, metadata);
        const caller = admitted instanceof Promise ? await admitted : admitted;
        const answer = await call(decodeRequest(request, message), { signal, raw: message, caller });
        // A whole response is a valid subset of itself; the compiler cannot see that through a type parameter.
        return response.encode(answer as Parameters<typeof response.encode>[0]);
      } catch (error) {
        throw toGrpcError(error);
      }
    },
  };
}

/** The same for an answer that comes encoded, in pieces. */
export function unaryInPieces<Request>(
  request: Codec<Request>,
  gate: Gate,
  call: (request: Request, options: CallOptions) => Promise<readonly Uint8Array[]>,
): (call: UnaryCall) => Promise<readonly Uint8Array[]> {
  return async ({ path, message, metadata, signal }) => {
    try {
      const admitted = gate.admit(path, metadata);
      const caller = admitted instanceof Promise ? await admitted : admitted;
      return await call(decodeRequest(request, message), { signal, raw: message, caller });
    } catch (error) {
      throw toGrpcError(error);
    }
  };
}

/** The decoded message of a unary call; malformed bytes are the client's Internal error, as with grpc-go. */
export function decodeRequest<Request>(codec: Codec<Request>, message: Uint8Array): Request {
  return decoded(codec, message, "grpc: error unmarshalling request");
}

/** The same for a message of a stream, of which grpc-go speaks in other words. */
export function decodeStreamed<Request>(codec: Codec<Request>, message: Uint8Array): Request {
  return decoded(codec, message, "grpc: failed to unmarshal the received message");
}

function decoded<Request>(codec: Codec<Request>, message: Uint8Array, refusal: string): Request {
  try {
    return codec.decode(message);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    const why = error.code === "wire.cut" ? "unexpected EOF" : error.message;
    throw new GrpcError(GrpcCode.INTERNAL, `${refusal}: ${why}`, { cause: error });
  }
}

/** KvError in etcd's words; everything else as it is. */
export function toGrpcError(error: unknown): unknown {
  if (!(error instanceof KvError)) return error;
  const { code, message } = statusOfKvError(error);
  return new GrpcError(code, message, { cause: error });
}

/** The status that ends a stream for `error`. */
export function streamStatus(error: unknown): GrpcStatus {
  if (error instanceof KvError) return statusOfKvError(error);
  if (error instanceof GrpcError) return { code: error.detail.status, message: error.message };
  return { code: GrpcCode.UNKNOWN, message: messageOf(error) };
}
