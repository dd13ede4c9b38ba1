/**
 * One request and its answer. The states of RFC 9113, 5.1, as the two halves they consist of:
 *
 *   remote: open --END_STREAM--> ended        local: open --answer, end--> ending --all sent--> ended
 *   both ended, or a reset by either side -> closed
 */
import { emptyBytes } from "../base/bytes.ts";

/** Hears of one stream. After `aborted`, and after the answer has ended, nothing is called any more. */
export interface StreamListener {
  /** Bytes of the request's body, in order, valid for good; `ended`: these (maybe none) were the last. */
  data(bytes: Uint8Array, ended: boolean): void;
  /** Everything has left the outbox after `write` returned false. */
  drained(): void;
  /** The stream is gone before its answer was complete: reset by the peer, or its connection is lost. */
  aborted(): void;
}

/** What a stream asks its connection to do. */
export interface StreamOwner {
  respond(stream: Http2Stream, block: Uint8Array): void;
  write(stream: Http2Stream, bytes: Uint8Array): boolean;
  end(stream: Http2Stream, block: Uint8Array): void;
  answer(stream: Http2Stream, headers: Uint8Array, body: Uint8Array, trailers: Uint8Array): void;
  reset(stream: Http2Stream, errorCode: number): void;
  credit(stream: Http2Stream): void;
}

const nobody: StreamListener = { data() {}, drained() {}, aborted() {} };

/** The methods are for the application; the fields belong to the connection. After the stream is closed, methods do nothing. */
export class Http2Stream {
  readonly id: number;
  listener: StreamListener = nobody;
  closed = false;
  remoteEnded = false;
  /** `end` was called; what is in the outbox still goes out. */
  ending = false;

  /** What the peer still takes on this stream; negative after it shrank its windows (RFC 9113, 6.9.2). */
  sendWindow: number;
  /** Body bytes that wait for a window or for the transport; the first is sent from `outboxAt` on. */
  outbox: Uint8Array[] = [];
  outboxAt = 0;
  outboxBytes = 0;
  /** Goes out, with END_STREAM, behind the outbox. */
  trailers: Uint8Array = emptyBytes;
  /** Whether it stands in the sender's queue. */
  queued = false;
  wantsDrain = false;

  /** What the peer may still send on this stream. */
  receiveWindow: number;
  /** Bytes received and not yet granted again. */
  received = 0;
  paused = false;
  /** Of the body's announced length, what has not come yet; null where none was announced. */
  bodyLeft: number | null = null;
  readonly #owner: StreamOwner;

  constructor(options: { id: number; sendWindow: number; receiveWindow: number }, owner: StreamOwner) {
    this.id = options.id;
    this.sendWindow = options.sendWindow;
    this.receiveWindow = options.receiveWindow;
    this.#owner = owner;
  }

  /** Sends the header block of the answer. */
  respond(block: Uint8Array): void {
    if (!this.closed && !this.ending) this.#owner.respond(this, block);
  }

  /** Sends a piece of the body. False: it is in the outbox, which is at its maximum; `drained` will follow. */
  write(bytes: Uint8Array): boolean {
    return this.closed || this.ending || this.#owner.write(this, bytes);
  }

  /** Ends the answer with a header block: trailers, or the only one. */
  end(block: Uint8Array): void {
    if (!this.closed && !this.ending) this.#owner.end(this, block);
  }

  /** respond, write and end in one. */
  answer(headers: Uint8Array, body: Uint8Array, trailers: Uint8Array): void {
    if (!this.closed && !this.ending) this.#owner.answer(this, headers, body, trailers);
  }

  /** Ends the stream at once. */
  reset(errorCode: number): void {
    if (!this.closed) this.#owner.reset(this, errorCode);
  }

  /** From now on the peer is granted no more than its window; what it has sent still arrives. */
  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    if (!this.closed) this.#owner.credit(this);
  }
}
