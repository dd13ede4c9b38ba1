/** The HTTP headers of a gateway request as gRPC metadata (etcd.md 12.6): Authorization, and Grpc-Metadata-NAME as `name`. */
import type { IncomingHttpHeaders } from "node:http";
import type { Metadata } from "../transport/grpc-method.ts";

export function metadataOf(headers: IncomingHttpHeaders): Metadata {
  return {
    get(name) {
      const value =
        (name === "authorization" ? headers.authorization : undefined) ?? headers[`grpc-metadata-${name}`];
      return Array.isArray(value) ? value.join(",") : value;
    },
  };
}
