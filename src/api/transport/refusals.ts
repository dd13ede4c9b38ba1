/**
 * What is refused before a handler sees it, in the order and with the texts of grpc-go: content-type, timeout, method, path,
 * encoding. A missing `te` is forgiven, as there.
 */
import type { RequestHeaders } from "../../http2/request-headers.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import type { GrpcStatus } from "../../store/wire/status.ts";
import { refusal } from "./answer-headers.ts";
import type { GrpcMethods } from "./grpc-method.ts";
import { timeoutProblem } from "./grpc-timeout.ts";
import { isAcceptedEncoding } from "./inflate.ts";

/** A deadline that is over before anything could be done about the call, so that nothing is. */
const overMs = 1e-3;
/** `application/grpc`, alone or with a subtype or parameters behind it. */
const contentType = /^application\/grpc(?:[+;]|$)/i;

/** No message came where one is due; more than one came where one is due. gRPC's own texts. */
export const noMessage: GrpcStatus = {
  code: GrpcCode.INTERNAL,
  message: "cardinality violation: received no request message from non-client-streaming RPC",
};
export const moreMessages: GrpcStatus = {
  code: GrpcCode.INTERNAL,
  message: "cardinality violation: received multiple request messages for non-client-streaming RPC",
};

/** The whole answer to a request that is no gRPC call, or null. `timeoutMs` is what its grpc-timeout says. */
export function notGrpc(headers: RequestHeaders, timeoutMs: number | undefined | null): Uint8Array | null {
  const type = headers.get("content-type") ?? "";
  if (!contentType.test(type)) {
    const message = `invalid gRPC request content-type ${JSON.stringify(type)}`;
    return refusal(415, { code: GrpcCode.INVALID_ARGUMENT, message });
  }
  if (timeoutMs === null) {
    const problem = timeoutProblem(headers.get("grpc-timeout") ?? "");
    return refusal(400, { code: GrpcCode.INTERNAL, message: `malformed grpc-timeout: ${problem}` });
  }
  if (headers.method === "POST") return null;
  const message = `Received a HEADERS frame with :method ${JSON.stringify(headers.method)} which should be POST`;
  return refusal(405, { code: GrpcCode.INTERNAL, message });
}

/** Why a call of a known method cannot be served, or null. */
export function unreadable(headers: RequestHeaders, timeoutMs: number | undefined): GrpcStatus | null {
  if (timeoutMs !== undefined && timeoutMs < overMs) {
    return { code: GrpcCode.DEADLINE_EXCEEDED, message: "context deadline exceeded" };
  }
  const encoding = headers.get("grpc-encoding");
  if (isAcceptedEncoding(encoding)) return null;
  const message = `grpc: Decompressor is not installed for grpc-encoding ${JSON.stringify(encoding)}`;
  return { code: GrpcCode.UNIMPLEMENTED, message };
}

/** Says which half of the path is unknown, since a client of a newer etcd wants to know. */
export function unknownMethod(path: string, methods: GrpcMethods): GrpcStatus {
  const inner = path.slice(1);
  const slash = inner.lastIndexOf("/");
  if (slash === -1 || !path.startsWith("/")) {
    return { code: GrpcCode.UNIMPLEMENTED, message: `malformed method name: ${JSON.stringify(path)}` };
  }
  const service = inner.slice(0, slash);
  const known = [...methods.keys()].some((each) => each.startsWith(`/${service}/`));
  const message = known
    ? `unknown method ${inner.slice(slash + 1)} for service ${service}`
    : `unknown service ${service}`;
  return { code: GrpcCode.UNIMPLEMENTED, message };
}
