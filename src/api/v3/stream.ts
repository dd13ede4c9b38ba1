/**
 * What streaming methods of api/v3 share. `admitted` puts the gate before a stream without losing what the client sends
 * meanwhile. `answerWithStream` serves an rpc of one request and many answers from an AsyncIterable, pulled only as fast as
 * the client reads.
 */
import { type Caller, type CallOptions, KvError } from "../../store/kv.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import type { Codec } from "../../store/wire/protobuf.ts";
import { statusOfKvError } from "../../store/wire/status.ts";
import type { GrpcStream, StreamMethod } from "../transport/grpc-method.ts";
import { noMessage } from "../transport/refusals.ts";
import type { Gate } from "./gate.ts";
import { decodeStreamed, streamStatus } from "./unary.ts";

/**
 * Runs `handle` for an admitted caller; everybody else's stream ends with the reason. So does an open one that needs a leader
 * when there is none for too long.
 */
export function admitted(
  kind: StreamMethod["kind"],
  gate: Gate,
  handle: (stream: GrpcStream, caller: Caller) => void,
): StreamMethod {
  const open = (stream: GrpcStream, caller: Caller): void => {
    const lost = (): void => stream.end(statusOfKvError(new KvError("kv.no-leader")));
    const stop = gate.untilLeaderLost?.(stream.metadata, lost);
    if (stop) stream.onDone = stop;
    handle(stream, caller);
  };
  return {
    kind,
    handle(stream) {
      try {
        const caller = gate.admit(stream.path, stream.metadata);
        if (!(caller instanceof Promise)) {
          open(stream, caller);
          return;
        }
        stream.pause();
        const start = (known: Caller): void => {
          if (stream.signal.aborted) return;
          open(stream, known);
          stream.resume();
        };
        caller.then(start).catch((error: unknown) => stream.end(streamStatus(error)));
      } catch (error) {
        stream.end(streamStatus(error));
      }
    },
  };
}

/** The method of an rpc with one request and a stream of answers. */
export function answerWithStream<Request, Response>(
  request: Codec<Request>,
  response: Codec<Response>,
  gate: Gate,
  call: (request: Request, options: CallOptions) => AsyncIterable<Response>,
): StreamMethod {
  return admitted("server_stream", gate, (stream, caller) => {
    let asked = false;
    stream.onMessage = (message) => {
      if (asked) return;
      asked = true;
      void answer(message);
    };
    stream.onHalfClose = () => {
      if (!asked) stream.end(noMessage);
    };
    let drained: (() => void) | null = null;
    stream.onDrain = () => drained?.();
    const answer = async (message: Uint8Array): Promise<void> => {
      try {
        const decoded = decodeStreamed(request, message);
        for await (const piece of call(decoded, { signal: stream.signal, raw: message, caller })) {
          if (stream.signal.aborted) return;
          const encoded = response.encode(piece as Parameters<typeof response.encode>[0]);
          if (!stream.write(encoded)) await untilDrained(stream, (resume) => (drained = resume));
        }
        stream.end({ code: GrpcCode.OK, message: "" });
      } catch (error) {
        stream.end(streamStatus(error));
      }
    };
  });
}

/** Resolves when the outbox is empty again; rejects with `kv.canceled` when the client is gone. */
function untilDrained(stream: GrpcStream, register: (resume: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new KvError("kv.canceled"));
    if (stream.signal.aborted) onAbort();
    stream.signal.addEventListener("abort", onAbort, { once: true });
    register(() => {
      stream.signal.removeEventListener("abort", onAbort);
      resolve();
    });
  });
}
