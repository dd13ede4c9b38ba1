/**
 * Lease.LeaseKeepAlive (etcd.md 6): each request of the stream gets one response, in order. Requests are passed on as they come,
 * so that a stream with many leases does not wait for each; an answer that is ready waits for those before it. Past a maximum
 * reading is paused, and a client that floods holds its requests itself.
 */
import type { Caller, KvClient } from "../../store/kv.ts";
import { GrpcCode } from "../../store/wire/grpc-code.ts";
import { LeaseKeepAliveRequest, LeaseKeepAliveResponse } from "../../store/wire/messages.ts";
import type { GrpcStream, StreamMethod } from "../transport/grpc-method.ts";
import type { Gate } from "./gate.ts";
import { admitted } from "./stream.ts";
import { decodeStreamed, streamStatus } from "./unary.ts";

/** Requests of one stream that have no answer yet. */
const openMax = 1000;

export function leaseKeepAlive(kv: KvClient, gate: Gate): StreamMethod {
  return admitted(
    "bidi_stream",
    gate,
    (stream, caller) => void new KeepAliveCall({ caller }, { kv, stream }),
  );
}

/** One request: `undefined` until it is answered. */
interface Open {
  answer: Uint8Array | undefined;
}

class KeepAliveCall {
  readonly #caller: Caller;
  readonly #kv: KvClient;
  readonly #stream: GrpcStream;
  /** In the order of their requests. */
  readonly #open: Open[] = [];
  #drained = true;
  #halfClosed = false;

  constructor(options: { caller: Caller }, modules: { kv: KvClient; stream: GrpcStream }) {
    this.#caller = options.caller;
    this.#kv = modules.kv;
    this.#stream = modules.stream;
    const { stream } = modules;
    stream.onMessage = (message) => void this.#request(message);
    stream.onHalfClose = () => {
      this.#halfClosed = true;
      this.#send();
    };
    stream.onDrain = () => {
      this.#drained = true;
      this.#send();
    };
  }

  async #request(message: Uint8Array): Promise<void> {
    const open: Open = { answer: undefined };
    if (this.#open.push(open) >= openMax) this.#stream.pause();
    try {
      const request = decodeStreamed(LeaseKeepAliveRequest, message);
      const { signal } = this.#stream;
      const response = await this.#kv.leaseKeepAlive(request, { signal, raw: message, caller: this.#caller });
      open.answer = LeaseKeepAliveResponse.encode(response);
      if (this.#open[0] === open) this.#send();
    } catch (error) {
      this.#stream.end(streamStatus(error));
    }
  }

  /** Sends what is answered up to the first that is not, as far as the client takes it. */
  #send(): void {
    const full = this.#open.length >= openMax;
    let count = 0;
    for (const { answer } of this.#open) {
      if (answer === undefined || !this.#drained) break;
      this.#drained = this.#stream.write(answer);
      count++;
    }
    this.#open.splice(0, count);
    if (this.#halfClosed && this.#open.length === 0) this.#stream.end({ code: GrpcCode.OK, message: "" });
    else if (full && this.#open.length < openMax) this.#stream.resume();
  }
}
