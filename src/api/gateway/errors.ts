/** What can be wrong with the JSON of a request. */
import { AgentError } from "../../base/errors.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import type { GrpcStatus } from "../../store/wire/status.ts";

/** The request is no JSON, is not the message that the path asks for, or is too large. The message names the field. */
export class JsonError extends AgentError<{ code: "gateway.malformed" | "gateway.oversize" }> {
  override readonly name = "JsonError";

  /** The status that ends the call (etcd.md 12.5). */
  get status(): GrpcStatus {
    const oversize = this.code === "gateway.oversize";
    return {
      code: oversize ? GrpcCode.RESOURCE_EXHAUSTED : GrpcCode.INVALID_ARGUMENT,
      message: this.message,
    };
  }
}

/** JSON that does not say what it should. */
export function malformed(what: string, cause?: unknown): JsonError {
  return new JsonError(what, { code: "gateway.malformed" }, { cause });
}
