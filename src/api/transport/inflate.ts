/** Messages that a client compressed: identity and gzip, nothing else (etcd.md section 1). */
import { gunzipSync } from "node:zlib";
import { errnoOf } from "../../base/errors.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import type { GrpcFrame } from "../../store/wire/grpc-frame.ts";
import { GrpcError } from "./errors.ts";

/** What goes out as grpc-accept-encoding. */
export const acceptedEncodings = "identity,gzip";

/** Whether `grpc-encoding: name` is one that we read. */
export function isAcceptedEncoding(name: string | undefined): boolean {
  return name === undefined || name === "identity" || name === "gzip";
}

/**
 * The frame's message. `maxBytes` bounds the inflated size too: a small bomb must not become a large buffer. Inflating the
 * maximum of 2 MiB takes a few milliseconds, short enough for the shared loop.
 */
export function messageOfFrame(frame: GrpcFrame, encoding: string | undefined, maxBytes: number): Uint8Array {
  if (!frame.compressed) return frame.bytes;
  if (encoding !== "gzip") {
    throw new GrpcError(GrpcCode.INTERNAL, "grpc: compressed flag set with identity or empty encoding");
  }
  try {
    return gunzipSync(frame.bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    if (errnoOf(error) === "ERR_BUFFER_TOO_LARGE") {
      throw new GrpcError(
        GrpcCode.RESOURCE_EXHAUSTED,
        `grpc: received message after decompression larger than max ${maxBytes}`,
        { cause: error },
      );
    }
    throw new GrpcError(GrpcCode.INTERNAL, "grpc: failed to decompress the received message", {
      cause: error,
    });
  }
}
