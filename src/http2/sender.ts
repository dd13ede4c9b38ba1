/**
 * The sending half of a connection: frames into the output, under the flow-control windows of the peer (RFC 9113, 6.9) and the
 * pace of the transport. What may not leave yet waits in its stream's outbox; streams take turns, one frame each.
 */
import { BoundedQueue } from "../base/bounded-queue.ts";
import {
  defaultWindowBytes,
  Flag,
  FrameType,
  frameHeaderBytes,
  framePayloadBytesMax,
  int31Max,
  writeFrameHeader,
  writeUint32,
} from "./frame.ts";
import { emptyTableUpdate } from "./hpack/encode.ts";
import type { Http2Options, SharedOutboxes } from "./options.ts";
import { copyBytesMax, Output } from "./output.ts";
import type { Http2Stream } from "./stream.ts";

/** DATA waits in the outboxes while this much is to be taken from the output: one turn's write, and no more. */
const outputBytesMax = 256 * 1024;

export class Sender {
  readonly output: Output;
  /** What the peer takes on the whole connection. */
  window = defaultWindowBytes;
  /** What the peer takes on a new stream. */
  streamWindow = defaultWindowBytes;
  /** Bytes in all outboxes. */
  outboxBytes = 0;
  /** The next header block has to say that our compression table is empty. */
  tableUpdateDue = false;
  readonly #shared: SharedOutboxes;
  readonly #queue: BoundedQueue<Http2Stream>;
  readonly #ended: (stream: Http2Stream) => void;
  readonly #sentLater: () => void;
  #transportReady = true;
  #pumping = false;

  /**
   * `ended` is called when the last frame of an answer is in the output, `sentLater` when DATA leaves that had to wait: the peer
   * may ping meanwhile, as grpc-go does to measure how much it should grant.
   */
  constructor(
    options: Pick<Http2Options, "streamsMax" | "shared">,
    modules: { ended: (stream: Http2Stream) => void; sentLater: () => void; outputReady: () => void },
  ) {
    this.output = new Output(modules.outputReady);
    this.#shared = options.shared;
    this.#queue = new BoundedQueue(options.streamsMax * 2);
    this.#ended = modules.ended;
    this.#sentLater = modules.sentLater;
  }

  /** Whether the transport takes more; while it does not, DATA waits. */
  set transportReady(ready: boolean) {
    this.#transportReady = ready;
  }

  /** A frame without flow control. */
  frame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const at = this.output.reserve(frameHeaderBytes + payload.length);
    const { block } = this.output;
    block.set(payload, writeFrameHeader(block, at, payload.length, type, flags, streamId));
  }

  /** A frame whose payload is one 32-bit number: RST_STREAM, WINDOW_UPDATE. */
  number(type: number, streamId: number, value: number): void {
    const at = this.output.reserve(frameHeaderBytes + 4);
    writeUint32(this.output.block, writeFrameHeader(this.output.block, at, 4, type, 0, streamId), value);
  }

  /** A header block, in as many frames as it needs. */
  headers(streamId: number, block: Uint8Array, flags: number): void {
    let rest = block;
    if (this.tableUpdateDue) {
      this.tableUpdateDue = false;
      rest = Uint8Array.of(emptyTableUpdate, ...block);
    }
    let type: number = FrameType.HEADERS;
    while (rest.length > framePayloadBytesMax) {
      this.frame(type, flags, streamId, rest.subarray(0, framePayloadBytesMax));
      rest = rest.subarray(framePayloadBytesMax);
      type = FrameType.CONTINUATION;
      flags = 0;
    }
    const last = type === FrameType.HEADERS ? flags | Flag.END_HEADERS : Flag.END_HEADERS;
    this.frame(type, last, streamId, rest);
  }

  /** Body bytes: into the output if they may leave now, else into the outbox. */
  write(stream: Http2Stream, bytes: Uint8Array): void {
    if (this.#fits(stream, bytes.length)) {
      this.#data(stream, bytes, 0, bytes.length);
      return;
    }
    stream.outbox.push(bytes);
    this.#hold(stream, bytes.length);
    this.#enqueue(stream);
    this.pump();
  }

  /** The block that ends the answer, behind the outbox. */
  end(stream: Http2Stream, trailers: Uint8Array): void {
    stream.ending = true;
    stream.trailers = trailers;
    if (stream.outbox.length === 0) this.#finish(stream);
  }

  /** A whole answer in one go where windows allow: the way of nearly every unary call. */
  answer(stream: Http2Stream, headers: Uint8Array, body: Uint8Array, trailers: Uint8Array): void {
    const { id } = stream;
    if (this.tableUpdateDue || body.length > copyBytesMax || !this.#fits(stream, body.length)) {
      this.headers(id, headers, 0);
      this.write(stream, body);
      this.end(stream, trailers);
      return;
    }
    const { output } = this;
    let at = output.reserve(3 * frameHeaderBytes + headers.length + body.length + trailers.length);
    const { block } = output;
    at = writeFrameHeader(block, at, headers.length, FrameType.HEADERS, Flag.END_HEADERS, id);
    block.set(headers, at);
    at = writeFrameHeader(block, at + headers.length, body.length, FrameType.DATA, 0, id);
    block.set(body, at);
    const flags = Flag.END_HEADERS | Flag.END_STREAM;
    at = writeFrameHeader(block, at + body.length, trailers.length, FrameType.HEADERS, flags, id);
    block.set(trailers, at);
    this.window -= body.length;
    stream.sendWindow -= body.length;
    stream.ending = true;
    this.#ended(stream);
  }

  /** Whether so much waits here, or everywhere and here more than is fair, that the peer gets no new streams. */
  isFull(bytesMax: number): boolean {
    const { bytes, bytesMax: sharedMax, fairBytes } = this.#shared;
    return this.outboxBytes >= bytesMax || (bytes >= sharedMax && this.outboxBytes > fairBytes);
  }

  /** The stream sends no more. It leaves the queue when its turn comes. */
  drop(stream: Http2Stream): void {
    this.#hold(stream, -stream.outboxBytes);
    stream.outbox = [];
  }

  /** The peer takes `bytes` more on `stream`. False: the window is larger than HTTP/2 allows. */
  widen(stream: Http2Stream, bytes: number): boolean {
    stream.sendWindow += bytes;
    if (stream.outbox.length > 0) this.#enqueue(stream);
    return stream.sendWindow <= int31Max;
  }

  /** Sends what windows and transport allow, then tells those whose outbox has emptied. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const drained: Http2Stream[] = [];
    while (this.#open()) {
      const stream = this.#queue.shift();
      if (stream === undefined) break;
      stream.queued = false;
      if (stream.closed || stream.outbox.length === 0) continue;
      this.#sendFirst(stream);
      if (stream.outbox.length > 0) {
        if (stream.sendWindow > 0) this.#enqueue(stream);
      } else if (stream.ending) {
        this.#finish(stream);
      } else if (stream.wantsDrain) {
        stream.wantsDrain = false;
        drained.push(stream);
      }
    }
    this.#pumping = false;
    for (const stream of drained) {
      if (!stream.closed && !stream.ending) stream.listener.drained();
    }
  }

  /** Whether any DATA may leave now. */
  #open(): boolean {
    return this.#transportReady && this.window > 0 && this.output.length < outputBytesMax;
  }

  #fits(stream: Http2Stream, bytes: number): boolean {
    return (
      bytes <= framePayloadBytesMax &&
      bytes <= this.window &&
      bytes <= stream.sendWindow &&
      stream.outbox.length === 0 &&
      this.#transportReady &&
      this.output.length < outputBytesMax
    );
  }

  #hold(stream: Http2Stream, bytes: number): void {
    stream.outboxBytes += bytes;
    this.outboxBytes += bytes;
    this.#shared.bytes += bytes;
  }

  #enqueue(stream: Http2Stream): void {
    if (stream.queued) return;
    stream.queued = true;
    if (this.#queue.push(stream)) return;
    // Full of streams that closed while they waited. The open ones are at most half.
    for (const each of this.#queue.drain()) if (!each.closed) this.#queue.push(each);
    this.#queue.push(stream);
  }

  /** One frame from the front of the outbox. */
  #sendFirst(stream: Http2Stream): void {
    const first = stream.outbox[0]!;
    const left = first.length - stream.outboxAt;
    const bytes = Math.min(left, this.window, stream.sendWindow, framePayloadBytesMax);
    if (bytes <= 0 && left > 0) return;
    this.#data(stream, first, stream.outboxAt, stream.outboxAt + bytes);
    stream.outboxAt += bytes;
    this.#hold(stream, -bytes);
    this.#sentLater();
    if (bytes < left) return;
    stream.outbox.shift();
    stream.outboxAt = 0;
  }

  #data(stream: Http2Stream, from: Uint8Array, start: number, end: number): void {
    const bytes = end - start;
    const at = this.output.reserve(frameHeaderBytes);
    writeFrameHeader(this.output.block, at, bytes, FrameType.DATA, 0, stream.id);
    this.output.append(from.subarray(start, end));
    this.window -= bytes;
    stream.sendWindow -= bytes;
  }

  #finish(stream: Http2Stream): void {
    this.headers(stream.id, stream.trailers, Flag.END_STREAM);
    this.#ended(stream);
  }
}
