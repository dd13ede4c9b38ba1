/** The status for whatever a handler or the framing threw. */
import { messageOf } from "../../base/errors.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { GrpcFrameError } from "../../store/wire/grpc-frame.ts";
import type { GrpcStatus } from "../../store/wire/status.ts";
import { GrpcError } from "./errors.ts";

export function statusOfFailure(error: unknown): GrpcStatus {
  if (error instanceof GrpcError) return { code: error.detail.status, message: error.message };
  if (error instanceof GrpcFrameError) {
    const oversize = error.code === "grpc.frame-oversize";
    const code = oversize ? GrpcCode.RESOURCE_EXHAUSTED : GrpcCode.INTERNAL;
    return { code, message: `grpc: ${error.message}` };
  }
  return { code: GrpcCode.UNKNOWN, message: messageOf(error) };
}
