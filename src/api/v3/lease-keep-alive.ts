/**
 * Lease.LeaseKeepAlive (etcd.md 6): each request of the stream gets one response, in order. One request is in progress at a
 * time, so order needs no bookkeeping; reading is paused meanwhile, so a client that floods holds its requests itself.
 */
import type { Caller, KvClient } from "../../store/kv.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { LeaseKeepAliveRequest, LeaseKeepAliveResponse } from "../../store/wire/messages.ts";
import type { GrpcStream, StreamMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { admitted } from "./stream.ts";
import { decodeRequest, streamStatus } from "./unary.ts";

export function leaseKeepAlive(kv: KvClient, gate: Gate): StreamMethod {
  return admitted("bidi_stream", gate, (stream, caller) => {
    stream.onMessage = (message) => {
      stream.pause();
      void keepAlive(kv, stream, caller, message);
    };
    stream.onHalfClose = () => stream.end({ code: GrpcCode.OK, message: "" });
    stream.onDrain = () => stream.resume();
  });
}

async function keepAlive(
  kv: KvClient,
  stream: GrpcStream,
  caller: Caller,
  message: Uint8Array,
): Promise<void> {
  try {
    const request = decodeRequest(LeaseKeepAliveRequest, message);
    const response = await kv.leaseKeepAlive(request, { signal: stream.signal, raw: message, caller });
    if (stream.write(LeaseKeepAliveResponse.encode(response))) stream.resume();
  } catch (error) {
    stream.end(streamStatus(error));
  }
}
