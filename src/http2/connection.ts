/**
 * The server's side of one HTTP/2 connection (RFC 9113), as a state machine: received bytes in; calls to the sink and to the
 * streams' listeners, and bytes to send, out. It knows no socket and no clock. Here is the life of the
 * connection and of its streams; the rules of receiving and sending are in the two halves, receiver.ts and sender.ts.
 *
 *   open --shutdown--> closing (GOAWAY sent, new streams refused) --last stream ends--> over
 *   open, closing --the peer breaks a rule--> failed (GOAWAY sent, all streams aborted), over
 */
import { ErrorCode } from "./error-code.ts";
import { Http2Error } from "./errors.ts";
import { defaultWindowBytes, FrameType, Setting, writeUint32 } from "./frame.ts";
import type { Http2Options } from "./options.ts";
import { Receiver, type ReceiverHost } from "./receiver.ts";
import type { RequestHeaders } from "./request-headers.ts";
import { Sender } from "./sender.ts";
import type { Http2Stream } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";

/** Eight bytes of any value (6.7). */
const pingPayload = new Uint8Array(8);

/** Where calls begin and the connection ends. */
export interface Http2Sink {
  /** A request. Sets `stream.listener` before it returns. `ended`: there is no body. */
  opened(stream: Http2Stream, headers: RequestHeaders, ended: boolean): void;
  /** There is output again after all was taken. */
  outputReady(): void;
  /** Nothing more will happen: take the output and close. Called once. */
  over(failure: Http2Error | null): void;
}

export class Http2Connection implements ReceiverHost {
  readonly #options: Http2Options;
  readonly #sink: Http2Sink;
  readonly #streams = new StreamTable();
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  /** Changed by this class only. */
  state: "open" | "closing" | "over" = "open";

  constructor(options: Http2Options, sink: Http2Sink) {
    this.#options = options;
    this.#sink = sink;
    this.#sender = new Sender(options, {
      ended: (stream) => this.#answered(stream),
      sentLater: () => this.#receiver.earned(),
      outputReady: () => sink.outputReady(),
    });
    this.#receiver = new Receiver(options, { host: this, streams: this.#streams, sender: this.#sender });
    const settings = new Uint8Array(18);
    const values = [
      [Setting.MAX_CONCURRENT_STREAMS, options.streamsMax],
      [Setting.INITIAL_WINDOW_SIZE, options.streamWindowBytes],
      [Setting.MAX_HEADER_LIST_SIZE, options.headerListBytesMax],
    ] as const;
    for (const [i, [id, value]] of values.entries()) {
      settings[i * 6 + 1] = id;
      writeUint32(settings, i * 6 + 2, value);
    }
    this.#sender.frame(FrameType.SETTINGS, 0, 0, settings);
    this.#sender.number(FrameType.WINDOW_UPDATE, 0, options.connectionWindowBytes - defaultWindowBytes);
  }

  /** Whether there is anything to take. */
  get hasOutput(): boolean {
    return this.#sender.output.length > 0;
  }

  /** Whether the peer's first SETTINGS have come. */
  get greeted(): boolean {
    return this.#receiver.greeted;
  }

  /** Asks the peer whether it is there; its answer is received like anything else. */
  ping(): void {
    if (this.state !== "over") this.#sender.frame(FrameType.PING, 0, 0, pingPayload);
  }

  /** Everything to be sent now, in order. Room is made for what waited: call `pump` once it is on its way. */
  takeOutput(): Uint8Array[] {
    return this.#sender.output.take();
  }

  /** Sends on from the outboxes, unless the transport is not ready. */
  pump(transportReady: boolean): void {
    this.#sender.transportReady = transportReady;
    if (transportReady && this.state !== "over") this.#sender.pump();
  }

  /** Takes what has arrived. `nowMs` must not fall. Never throws because of the bytes. */
  receive(chunk: Uint8Array, nowMs: number): void {
    try {
      this.#receiver.receive(chunk, nowMs);
    } catch (error) {
      if (!(error instanceof Http2Error)) throw error;
      this.#fail(error);
    }
  }

  opened(stream: Http2Stream, headers: RequestHeaders, ended: boolean): void {
    this.#sink.opened(stream, headers, ended);
  }

  /** Takes no new streams; `over` follows when the open ones have ended. */
  shutdown(): void {
    if (this.state !== "open") return;
    this.state = "closing";
    this.#goaway(ErrorCode.NO_ERROR, "");
    this.#overIfIdle();
  }

  /** The transport is gone: aborts every stream. */
  lost(): void {
    if (this.state === "over") return;
    this.state = "over";
    this.#abortAll();
    this.#sink.over(null);
  }

  respond(stream: Http2Stream, block: Uint8Array): void {
    this.#receiver.earned();
    this.#sender.headers(stream.id, block, 0);
  }

  write(stream: Http2Stream, bytes: Uint8Array): boolean {
    this.#receiver.earned();
    this.#sender.write(stream, bytes);
    const { outboxBytesMax, outboxTotalBytesMax } = this.#options;
    stream.wantsDrain =
      stream.outboxBytes >= outboxBytesMax ||
      (stream.outboxBytes > 0 && this.#sender.isFull(outboxTotalBytesMax));
    return !stream.wantsDrain;
  }

  end(stream: Http2Stream, block: Uint8Array): void {
    this.#receiver.earned();
    this.#sender.end(stream, block);
  }

  answer(stream: Http2Stream, headers: Uint8Array, body: Uint8Array, trailers: Uint8Array): void {
    this.#receiver.earned();
    this.#sender.answer(stream, headers, body, trailers);
  }

  reset(stream: Http2Stream, errorCode: number): void {
    this.#sender.number(FrameType.RST_STREAM, stream.id, errorCode);
    this.#close(stream, true);
  }

  /** Grants the peer again what it has used up, in portions of half a window. */
  credit(stream: Http2Stream): void {
    if (stream.paused || stream.remoteEnded) return;
    if (stream.received < this.#options.streamWindowBytes / 2) return;
    this.#sender.number(FrameType.WINDOW_UPDATE, stream.id, stream.received);
    stream.receiveWindow += stream.received;
    stream.received = 0;
  }

  /** The last frame of an answer is out. A client that is still sending learns that nobody listens (8.1). */
  #answered(stream: Http2Stream): void {
    if (!stream.remoteEnded) {
      this.#sender.number(FrameType.RST_STREAM, stream.id, ErrorCode.NO_ERROR);
    }
    this.#close(stream, !stream.remoteEnded);
  }

  abort(stream: Http2Stream, unaware: boolean): void {
    const { ending } = stream;
    this.#close(stream, unaware);
    if (!ending) stream.listener.aborted();
  }

  #close(stream: Http2Stream, unaware: boolean): void {
    stream.closed = true;
    this.#sender.drop(stream);
    this.#streams.close(stream.id, unaware);
    this.#overIfIdle();
  }

  #overIfIdle(): void {
    if (this.state !== "closing" || this.#streams.size > 0) return;
    this.state = "over";
    this.#sink.over(null);
  }

  #fail(error: Http2Error): void {
    if (this.state === "over") return;
    this.state = "over";
    this.#goaway(error.detail.errorCode, error.message);
    this.#abortAll();
    this.#sink.over(error);
  }

  #abortAll(): void {
    for (const stream of [...this.#streams.all()]) this.abort(stream, false);
  }

  /** The text is for whoever looks at the wire. */
  #goaway(errorCode: number, text: string): void {
    const payload = new Uint8Array(8 + text.length);
    writeUint32(payload, writeUint32(payload, 0, this.#streams.lastId), errorCode);
    for (let i = 0; i < text.length; i++) payload[8 + i] = text.charCodeAt(i);
    this.#sender.frame(FrameType.GOAWAY, 0, 0, payload);
  }
}
