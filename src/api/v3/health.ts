/** grpc.health.v1.Health (etcd.md section 1): Check, and Watch that says SERVING once and stays open. */
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { HealthCheckRequest, HealthCheckResponse, ServingStatus } from "../../store/wire/messages.ts";
import { GrpcError } from "../transport/errors.ts";
import type { StreamMethod, UnaryMethod } from "../transport/grpc-method.ts";
import { decodeRequest, streamStatus } from "./unary.ts";

/** The answer for the whole server (service ""); a named service is not known. */
function check(message: Uint8Array): Uint8Array {
  const { service } = decodeRequest(HealthCheckRequest, message);
  if (service !== "") throw new GrpcError(GrpcCode.NOT_FOUND, "unknown service");
  return HealthCheckResponse.encode({ status: ServingStatus.SERVING });
}

export const healthCheck: UnaryMethod = {
  kind: "unary",
  handle: async ({ message }) => check(message),
};

export const healthWatch: StreamMethod = {
  kind: "server_stream",
  handle(stream) {
    stream.onMessage = (message) => {
      try {
        stream.write(check(message));
      } catch (error) {
        stream.end(streamStatus(error));
      }
    };
  },
};
