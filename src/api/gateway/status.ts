/** gRPC statuses as HTTP: the code, and the superset of the error bodies of all etcd releases (etcd.md 12.4, 12.5). */
import { STATUS_CODES } from "node:http";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import type { GrpcStatus } from "../../store/wire/status.ts";
import { quoted } from "./json-writer.ts";

const httpByGrpc: Readonly<Record<number, number>> = {
  [GrpcCode.OK]: 200,
  [GrpcCode.CANCELED]: 408,
  [GrpcCode.UNKNOWN]: 500,
  [GrpcCode.INVALID_ARGUMENT]: 400,
  [GrpcCode.DEADLINE_EXCEEDED]: 504,
  [GrpcCode.NOT_FOUND]: 404,
  [GrpcCode.ALREADY_EXISTS]: 409,
  [GrpcCode.PERMISSION_DENIED]: 403,
  [GrpcCode.RESOURCE_EXHAUSTED]: 429,
  [GrpcCode.FAILED_PRECONDITION]: 400,
  [GrpcCode.ABORTED]: 409,
  [GrpcCode.OUT_OF_RANGE]: 400,
  [GrpcCode.UNIMPLEMENTED]: 501,
  [GrpcCode.INTERNAL]: 500,
  [GrpcCode.UNAVAILABLE]: 503,
  [GrpcCode.DATA_LOSS]: 500,
  [GrpcCode.UNAUTHENTICATED]: 401,
};

/** The HTTP status for a gRPC code; 500 for one that gRPC does not define. */
export function httpStatusOf(code: number): number {
  return httpByGrpc[code] ?? 500;
}

/** The body of a failed call: `error` and `message` say the same, for clients of old and new releases. */
export function errorBody({ code, message }: GrpcStatus): string {
  const text = quoted(message);
  return `{"error":${text},"message":${text},"code":${code},"details":[]}`;
}

/** The last line of a failed stream. */
export function streamErrorBody({ code, message }: GrpcStatus): string {
  const http = httpStatusOf(code);
  const reason = quoted(STATUS_CODES[http] ?? "");
  const old = `"grpc_code":${code},"http_code":${http},"message":${quoted(message)},"http_status":${reason}`;
  return `{"error":{${old},"code":${code},"details":[]}}`;
}
