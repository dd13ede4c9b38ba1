/**
 * Watch.Watch (etcd.md 5): one gRPC stream is one WatchStream of the KvClient. Backpressure goes both ways: a full outbox
 * makes `deliver` say "wait" until it has drained, and no request is read meanwhile, so a client that does not read its
 * answers cannot make the store queue more of them. A client that closes its half goes on receiving, as with etcd. Large
 * responses come from the store already cut, for watchers that asked for it (5.11).
 */
import type {
  Caller,
  EncodedEvents,
  KvClient,
  WatchResponse,
  WatchSink,
  WatchStream,
} from "../../store/kv.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { WatchRequest } from "../../store/wire/messages.ts";
import type { GrpcStream, StreamMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { admitted } from "./stream.ts";
import { decodeStreamed, streamStatus } from "./unary.ts";
import { WatchBacklog } from "./watch-backlog.ts";
import { WatchEncoder } from "./watch-encoder.ts";

export function watch(kv: KvClient, gate: Gate): StreamMethod {
  const encoder = new WatchEncoder();
  return admitted(
    "bidi_stream",
    gate,
    (stream, caller) => void new WatchCall({ caller }, { kv, stream, encoder }),
  );
}

class WatchCall {
  readonly #stream: GrpcStream;
  readonly #encoder: WatchEncoder;
  readonly #watch: WatchStream;
  readonly #backlog = new WatchBacklog();
  /** The outbox is full. */
  #waiting = false;
  /** Reading is paused. */
  #held = false;

  constructor(
    options: { caller: Caller },
    modules: { kv: KvClient; stream: GrpcStream; encoder: WatchEncoder },
  ) {
    const { stream } = modules;
    this.#stream = stream;
    this.#encoder = modules.encoder;
    const sink: WatchSink = {
      deliver: (response, events) => this.#deliver(response, events),
      closed: (error) => {
        stream.end(error ? streamStatus(error) : { code: GrpcCode.OK, message: "" });
      },
    };
    this.#watch = modules.kv.openWatch(sink, options);
    stream.onMessage = (message) => this.#request(message);
    stream.onDrain = () => {
      this.#waiting = false;
      this.#watch.resume();
      this.#pace();
    };
    stream.signal.addEventListener("abort", () => this.#watch.close(), { once: true });
  }

  #request(message: Uint8Array): void {
    let request: WatchRequest;
    try {
      request = decodeStreamed(WatchRequest, message);
    } catch (error) {
      this.#watch.close();
      this.#stream.end(streamStatus(error));
      return;
    }
    this.#backlog.requested(request);
    this.#pace();
    if (request.create_request) {
      this.#watch.create(request.create_request);
    } else if (request.cancel_request) {
      this.#watch.cancel(request.cancel_request.watch_id);
    } else if (request.progress_request) {
      this.#watch.requestProgress();
    }
  }

  #deliver(response: WatchResponse, events: EncodedEvents | undefined): boolean {
    const pieces = this.#encoder.encode(response, events);
    const { writePieces } = this.#stream;
    const ready = writePieces
      ? writePieces.call(this.#stream, pieces)
      : this.#stream.write(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces));
    this.#waiting = !ready;
    this.#backlog.answered(response);
    this.#pace();
    return ready;
  }

  /** Reads on, or not, as things are. */
  #pace(): void {
    const hold = this.#waiting || this.#backlog.full;
    if (hold === this.#held) return;
    this.#held = hold;
    if (hold) this.#stream.pause();
    else this.#stream.resume();
  }
}
