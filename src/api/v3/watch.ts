/**
 * Watch.Watch (etcd.md 5): one gRPC stream is one WatchStream of the KvClient. Backpressure goes both ways: a full outbox
 * makes `deliver` say "wait" until it has drained, and no request is read meanwhile, so a client that does not read its
 * answers cannot make the store queue more of them.
 */
import type { Caller, KvClient, WatchResponse, WatchSink, WatchStream } from "../../store/kv.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { WatchRequest, WatchResponse as WatchResponseCodec } from "../../store/wire/messages.ts";
import type { GrpcStream, StreamMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { admitted } from "./stream.ts";
import { decodeRequest, streamStatus } from "./unary.ts";
import { fragments } from "./watch-fragment.ts";

/** max-request-bytes + 512 KiB (etcd.md 5.11). */
const fragmentBytesMax = 1_572_864 + 512 * 1024;

export function watch(kv: KvClient, gate: Gate): StreamMethod {
  return admitted("bidi_stream", gate, (stream, caller) => void new WatchCall(kv, stream, caller));
}

class WatchCall {
  readonly #stream: GrpcStream;
  readonly #watch: WatchStream;
  /** `fragment` of each create that is not answered yet; the store answers creates in order (5.3). */
  readonly #creating: boolean[] = [];
  readonly #fragmenting = new Set<number>();

  constructor(kv: KvClient, stream: GrpcStream, caller: Caller) {
    this.#stream = stream;
    const sink: WatchSink = {
      deliver: (response) => this.#deliver(response),
      closed: (error) => {
        stream.end(error ? streamStatus(error) : { code: GrpcCode.OK, message: "" });
      },
    };
    this.#watch = kv.openWatch(sink, { caller });
    stream.onMessage = (message) => this.#request(message);
    stream.onHalfClose = () => this.#end({ code: GrpcCode.OK, message: "" });
    stream.onDrain = () => {
      this.#watch.resume();
      stream.resume();
    };
    stream.signal.addEventListener("abort", () => this.#watch.close(), { once: true });
  }

  #request(message: Uint8Array): void {
    let request: WatchRequest;
    try {
      request = decodeRequest(WatchRequest, message);
    } catch (error) {
      this.#end(streamStatus(error));
      return;
    }
    if (request.create_request) {
      this.#creating.push(request.create_request.fragment);
      this.#watch.create(request.create_request);
    } else if (request.cancel_request) {
      this.#watch.cancel(request.cancel_request.watch_id);
    } else if (request.progress_request) {
      this.#watch.requestProgress();
    }
  }

  #deliver(response: WatchResponse): boolean {
    if (response.created && this.#creating.shift() && !response.canceled) {
      this.#fragmenting.add(response.watch_id);
    }
    let ready = true;
    if (this.#fragmenting.has(response.watch_id)) {
      for (const piece of fragments(response, fragmentBytesMax)) ready = this.#stream.write(piece);
    } else {
      ready = this.#stream.write(WatchResponseCodec.encode(response));
    }
    if (response.canceled) this.#fragmenting.delete(response.watch_id);
    if (!ready) this.#stream.pause();
    return ready;
  }

  #end(status: { code: number; message: string }): void {
    this.#watch.close();
    this.#stream.end(status);
  }
}
