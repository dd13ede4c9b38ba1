/**
 * The receiving half of a connection: what each frame means and what it may not do (RFC 9113, 5 and 6). Errors of one stream
 * are answered here; errors of the connection are thrown.
 */
import { Allowance } from "./allowance.ts";
import { ErrorCode } from "./error-code.ts";
import { calm, flowControlError, frameSizeError, Http2Error, protocolError } from "./errors.ts";
import { Flag, FrameType, int31Max, readUint32 } from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";
import { HeaderBlock } from "./header-block.ts";
import { HeaderMemo } from "./header-memo.ts";
import { HpackDecoder } from "./hpack/decoder.ts";
import type { Http2Options } from "./options.ts";
import { readSettings } from "./peer-settings.ts";
import { areTrailers, type RequestHeaders, requestHeaders } from "./request-headers.ts";
import type { Sender } from "./sender.ts";
import { Http2Stream, type StreamOwner } from "./stream.ts";
import type { StreamTable } from "./stream-table.ts";

/** What the connection does for its receiving half. */
export interface ReceiverHost extends StreamOwner {
  readonly state: "open" | "closing" | "over";
  opened(stream: Http2Stream, headers: RequestHeaders, ended: boolean): void;
  /** Closes the stream and tells its listener. `unaware`: the peer may go on sending for a while. */
  abort(stream: Http2Stream, unaware: boolean): void;
}

/** Resets by the peer: many clients cancel much at once, none does so for long (CVE-2023-44487). */
const resetAllowance = { max: 20_000, perSecond: 1000 };
/** Frames that ask for work without carrying any. Ours of DATA and HEADERS earn a client its pings anew, as with grpc-go. */
const idleFrameAllowance = { max: 10_000, perSecond: 100 };
/** As with grpc-go: two are forgiven. */
const pingStrikesMax = 2;
/** Streams whose window a client may change by SETTINGS. Never earned anew: a cheap call would pay for the work of seconds. */
const widenAllowance = { max: 1_000_000, perSecond: 100_000 };
const noPayload = new Uint8Array(0);

export class Receiver {
  readonly #options: Http2Options;
  readonly #host: ReceiverHost;
  readonly #streams: StreamTable;
  readonly #sender: Sender;
  readonly #reader = new FrameReader();
  readonly #decoder: HpackDecoder;
  readonly #memo = new HeaderMemo();
  readonly #block = new HeaderBlock();
  readonly #resets = new Allowance(resetAllowance);
  readonly #idleFrames = new Allowance(idleFrameAllowance);
  readonly #widened = new Allowance(widenAllowance);
  #greeted = false;
  #pingStrikes = 0;
  #lastPingMs = Number.NEGATIVE_INFINITY;
  /** We have sent something since the last ping, which a client may measure its path by. */
  #pingEarned = false;
  #nowMs = 0;
  /** DATA on the whole connection that was not yet granted again. */
  #received = 0;

  constructor(options: Http2Options, modules: { host: ReceiverHost; streams: StreamTable; sender: Sender }) {
    this.#options = options;
    this.#host = modules.host;
    this.#streams = modules.streams;
    this.#sender = modules.sender;
    this.#decoder = new HpackDecoder({ listBytesMax: options.headerListBytesMax });
  }

  /** Throws Http2Error, after which nothing more may be given. `nowMs` must not fall. */
  receive(chunk: Uint8Array, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#reader.push(chunk);
    while (this.#host.state !== "over" && this.#reader.next()) this.#frame(this.#reader);
  }

  /** Whether the peer's first SETTINGS have come. */
  get greeted(): boolean {
    return this.#greeted;
  }

  /** An answer goes out, so the peer asked for something real: its idle frames are forgiven. */
  earned(): void {
    this.#idleFrames.refill();
    this.#pingEarned = true;
  }

  #frame(frame: FrameReader): void {
    const { type } = frame;
    if (!this.#greeted) {
      if (type !== FrameType.SETTINGS || frame.flags & Flag.ACK) throw protocolError("no SETTINGS first");
      this.#greeted = true;
    }
    if (this.#block.streamId !== 0 && type !== FrameType.CONTINUATION) {
      throw protocolError("a header block is interrupted");
    }
    switch (type) {
      case FrameType.DATA:
        this.#onData(frame);
        break;
      case FrameType.HEADERS:
        this.#onHeaders(frame);
        break;
      case FrameType.PRIORITY:
        this.#onPriority(frame);
        break;
      case FrameType.RST_STREAM:
        this.#onReset(frame);
        break;
      case FrameType.SETTINGS:
        this.#onSettings(frame);
        break;
      case FrameType.PING:
        this.#onPing(frame);
        break;
      case FrameType.WINDOW_UPDATE:
        this.#onWindowUpdate(frame);
        break;
      case FrameType.CONTINUATION:
        this.#onContinuation(frame);
        break;
      case FrameType.GOAWAY:
        // The peer opens no further streams. It closes when its calls are done, or goes on: both is its own affair.
        if (frame.streamId !== 0) throw protocolError("GOAWAY on a stream");
        if (frame.end - frame.start < 8) throw frameSizeError("GOAWAY");
        this.#idle();
        break;
      case FrameType.PUSH_PROMISE:
        throw protocolError("PUSH_PROMISE of a client");
      default:
        this.#idle(); // unknown types are ignored (5.5)
    }
  }

  #onData(frame: FrameReader): void {
    const size = frame.end - frame.start;
    this.#unpad(frame);
    if (frame.streamId === 0) throw protocolError("DATA outside of a stream");
    // The connection's window is granted again at once, so that a stream that is not read holds up no other: it can never be
    // overrun. What a client can make us hold is bounded by the streams' windows.
    this.#received += size;
    if (this.#received >= this.#options.connectionWindowBytes / 2) {
      this.#sender.number(FrameType.WINDOW_UPDATE, 0, this.#received);
      this.#received = 0;
    }
    const ended = (frame.flags & Flag.END_STREAM) !== 0;
    if (frame.start === frame.end && !ended) this.#idle();
    const stream = this.#streams.get(frame.streamId);
    if (stream === undefined || stream.remoteEnded) {
      this.#onLateData(frame.streamId);
      return;
    }
    stream.receiveWindow -= size;
    if (stream.receiveWindow < 0) {
      this.#breakStream(stream, ErrorCode.FLOW_CONTROL_ERROR);
      return;
    }
    stream.received += size;
    if (!this.#countBody(stream, frame.end - frame.start, ended)) return;
    stream.remoteEnded = ended;
    this.#host.credit(stream);
    // A stream whose answer is on its way out no longer listens.
    if (!stream.ending) stream.listener.data(frame.bytes.subarray(frame.start, frame.end), ended);
  }

  /** Compares the body with its announced length (8.1.1). False: they differ, and the stream is gone. */
  #countBody(stream: Http2Stream, bytes: number, ended: boolean): boolean {
    if (stream.bodyLeft === null) return true;
    stream.bodyLeft -= bytes;
    if (ended ? stream.bodyLeft === 0 : stream.bodyLeft >= 0) return true;
    this.#breakStream(stream, ErrorCode.PROTOCOL_ERROR);
    return false;
  }

  /** DATA for a stream that takes none. */
  #onLateData(id: number): void {
    this.#refuseIdle(id);
    this.#idle();
    const stream = this.#streams.get(id);
    if (stream) this.#breakStream(stream, ErrorCode.STREAM_CLOSED);
    else if (this.#streams.fateOf(id) !== "unaware") {
      this.#sender.number(FrameType.RST_STREAM, id, ErrorCode.STREAM_CLOSED);
    }
  }

  #onHeaders(frame: FrameReader): void {
    this.#unpad(frame);
    if (frame.streamId % 2 === 0) throw protocolError("HEADERS outside of a client's stream");
    if (frame.flags & Flag.PRIORITY) {
      frame.start += 5;
      if (frame.start > frame.end) throw frameSizeError("HEADERS");
    }
    const ended = (frame.flags & Flag.END_STREAM) !== 0;
    if (frame.flags & Flag.END_HEADERS) {
      this.#onBlock(frame.streamId, ended, frame.bytes, frame.start, frame.end);
      return;
    }
    this.#block.begin(frame.streamId, ended);
    this.#block.add(frame.bytes, frame.start, frame.end);
  }

  #onContinuation(frame: FrameReader): void {
    if (this.#block.streamId === 0 || this.#block.streamId !== frame.streamId) {
      throw protocolError("CONTINUATION of nothing");
    }
    this.#block.add(frame.bytes, frame.start, frame.end);
    if ((frame.flags & Flag.END_HEADERS) === 0) return;
    const { streamId, ended } = this.#block;
    const bytes = this.#block.finish();
    this.#onBlock(streamId, ended, bytes, 0, bytes.length);
  }

  /** A whole header block: a new request, or the trailers of one. Decoded in any case, since it may change the table. */
  #onBlock(id: number, ended: boolean, bytes: Uint8Array, start: number, end: number): void {
    if (id <= this.#streams.lastId) {
      this.#onTrailers(id, ended, bytes, start, end);
      return;
    }
    const headers = this.#decode(bytes, start, end);
    this.#streams.lastId = id;
    const refused =
      this.#host.state === "closing" ||
      this.#streams.size >= this.#options.streamsMax ||
      this.#sender.isFull(this.#options.outboxTotalBytesMax);
    if (refused) {
      this.#refuse(id, ErrorCode.REFUSED_STREAM);
      return;
    }
    if (typeof headers === "number") {
      this.#refuse(id, headers);
      return;
    }
    if (ended && headers.contentLength) {
      this.#refuse(id, ErrorCode.PROTOCOL_ERROR);
      return;
    }
    const stream = new Http2Stream(
      { id, sendWindow: this.#sender.streamWindow, receiveWindow: this.#options.streamWindowBytes },
      this.#host,
    );
    stream.remoteEnded = ended;
    stream.bodyLeft = headers.contentLength;
    this.#streams.add(stream);
    this.#host.opened(stream, headers, ended);
  }

  /** The request, or the error code of one that cannot be served. */
  #decode(bytes: Uint8Array, start: number, end: number): RequestHeaders | number {
    const { changes } = this.#decoder;
    const known = this.#memo.find(bytes, start, end, changes);
    if (known) return known;
    const { fields, oversize } = this.#decoder.decode(bytes, start, end);
    if (oversize) return ErrorCode.ENHANCE_YOUR_CALM;
    const headers = requestHeaders(fields);
    if (headers === null) return ErrorCode.PROTOCOL_ERROR;
    if (changes === this.#decoder.changes) this.#memo.add(bytes, start, end, changes, headers);
    return headers;
  }

  #onTrailers(id: number, ended: boolean, bytes: Uint8Array, start: number, end: number): void {
    const { fields, oversize } = this.#decoder.decode(bytes, start, end);
    const stream = this.#streams.get(id);
    if (stream === undefined) {
      const fate = this.#streams.fateOf(id);
      if (fate === "unaware") {
        this.#idle();
        return;
      }
      const code = fate === "closed" ? ErrorCode.STREAM_CLOSED : ErrorCode.PROTOCOL_ERROR;
      throw new Http2Error(code, "HEADERS on a closed stream");
    }
    if (stream.remoteEnded) {
      this.#breakStream(stream, ErrorCode.STREAM_CLOSED);
      return;
    }
    if (!ended || oversize || !areTrailers(fields)) {
      this.#breakStream(stream, ErrorCode.PROTOCOL_ERROR);
      return;
    }
    if (!this.#countBody(stream, 0, true)) return;
    stream.remoteEnded = true;
    if (!stream.ending) stream.listener.data(bytes.subarray(end, end), true);
  }

  /** Priorities are deprecated; only the form is looked at (5.3.2, 6.3). */
  #onPriority(frame: FrameReader): void {
    if (frame.streamId === 0) throw protocolError("PRIORITY outside of a stream");
    this.#idle();
    if (frame.end - frame.start === 5) return;
    const stream = this.#streams.get(frame.streamId);
    if (stream) this.#breakStream(stream, ErrorCode.FRAME_SIZE_ERROR);
    else throw frameSizeError("PRIORITY");
  }

  #onReset(frame: FrameReader): void {
    if (frame.end - frame.start !== 4) throw frameSizeError("RST_STREAM");
    this.#refuseIdle(frame.streamId);
    if (!this.#resets.take(this.#nowMs)) throw calm("too many resets");
    const stream = this.#streams.get(frame.streamId);
    if (stream) this.#host.abort(stream, false);
  }

  #onSettings(frame: FrameReader): void {
    if (frame.streamId !== 0) throw protocolError("SETTINGS on a stream");
    this.#idle();
    if (frame.flags & Flag.ACK) {
      if (frame.start !== frame.end) throw frameSizeError("SETTINGS");
      return;
    }
    const { streamWindow, headerTableBytes } = readSettings(frame.bytes, frame.start, frame.end);
    if (headerTableBytes !== undefined) this.#sender.tableUpdateDue = true;
    if (streamWindow !== undefined) {
      if (!this.#widened.take(this.#nowMs, this.#streams.size)) throw calm("too many changes of the windows");
      const more = streamWindow - this.#sender.streamWindow;
      this.#sender.streamWindow = streamWindow;
      for (const stream of this.#streams.all()) {
        if (!this.#sender.widen(stream, more)) throw flowControlError("a window above the maximum");
      }
    }
    this.#sender.frame(FrameType.SETTINGS, Flag.ACK, 0, noPayload);
    this.#sender.pump();
  }

  #onPing(frame: FrameReader): void {
    if (frame.streamId !== 0) throw protocolError("PING on a stream");
    if (frame.end - frame.start !== 8) throw frameSizeError("PING");
    this.#idle();
    if (frame.flags & Flag.ACK) return;
    this.#countPing();
    this.#sender.frame(FrameType.PING, Flag.ACK, 0, frame.bytes.subarray(frame.start, frame.end));
  }

  /** The keepalive policy (etcd.md section 1). The text is what clients look for, and then ping less often. */
  #countPing(): void {
    const close = this.#nowMs - this.#lastPingMs < this.#options.pingIntervalMsMin;
    this.#lastPingMs = this.#nowMs;
    if (this.#pingEarned) {
      this.#pingEarned = false;
      this.#pingStrikes = 0;
    } else if (close && ++this.#pingStrikes > pingStrikesMax) {
      throw calm("too_many_pings");
    }
  }

  #onWindowUpdate(frame: FrameReader): void {
    if (frame.end - frame.start !== 4) throw frameSizeError("WINDOW_UPDATE");
    const increment = readUint32(frame.bytes, frame.start) & int31Max;
    if (frame.streamId === 0) {
      if (increment === 0) throw protocolError("WINDOW_UPDATE of 0");
      this.#sender.window += increment;
      if (this.#sender.window > int31Max) throw flowControlError("a window above the maximum");
    } else {
      this.#refuseIdle(frame.streamId);
      const stream = this.#streams.get(frame.streamId);
      if (stream === undefined) return;
      if (increment === 0) {
        this.#breakStream(stream, ErrorCode.PROTOCOL_ERROR);
        return;
      }
      if (!this.#sender.widen(stream, increment)) {
        this.#breakStream(stream, ErrorCode.FLOW_CONTROL_ERROR);
        return;
      }
    }
    this.#sender.pump();
  }

  /** Takes padding off the current frame (6.1). */
  #unpad(frame: FrameReader): void {
    if ((frame.flags & Flag.PADDED) === 0) return;
    if (frame.start === frame.end) throw frameSizeError("a padded frame");
    frame.end -= frame.bytes[frame.start++]!;
    if (frame.end < frame.start) throw protocolError("more padding than payload");
  }

  /** Only HEADERS may come first on a stream (5.1). */
  #refuseIdle(id: number): void {
    if (id % 2 === 0 || id > this.#streams.lastId) throw protocolError("a frame on an idle stream");
  }

  /** Counts a frame that carried nothing. */
  #idle(): void {
    if (!this.#idleFrames.take(this.#nowMs)) throw calm("too many frames that carry nothing");
  }

  /** A request that never became a stream. */
  #refuse(id: number, errorCode: number): void {
    this.#idle();
    this.#sender.number(FrameType.RST_STREAM, id, errorCode);
    this.#streams.close(id, true);
  }

  /** Resets that the peer provokes cost us the same as its own (CVE-2025-8671). */
  #breakStream(stream: Http2Stream, errorCode: number): void {
    if (!this.#resets.take(this.#nowMs)) throw calm("too many resets");
    this.#sender.number(FrameType.RST_STREAM, stream.id, errorCode);
    this.#host.abort(stream, true);
  }
}
