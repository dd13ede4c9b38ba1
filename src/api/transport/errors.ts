/** Errors of the gRPC front, and the operating errors of its listener. */
import { AgentError } from "../../base/errors.ts";

/** Ends a call with this status. Handlers throw it; the transport sends code and message and closes the call. */
export class GrpcError extends AgentError<{ code: "grpc.status"; status: number }> {
  override readonly name = "GrpcError";
  constructor(status: number, message: string, options?: { cause?: unknown }) {
    super(message, { code: "grpc.status", status }, options);
  }
}

/** The client port cannot be opened. The message names the flag, because the operator has to change it. */
export class ListenError extends AgentError<
  | { code: "listen.address-in-use"; host: string; port: number }
  | { code: "listen.failed"; host: string; port: number; errno: string | undefined }
> {
  override readonly name = "ListenError";
}
