/**
 * The cheapest gRPC client that is still correct towards a correct server: HTTP/2 frames written straight to a socket, one
 * request template for unary calls of one path, and streams of any path. It exists because server and generator share the machine; node:http2 would cost more than
 * the server under test. RFC 9113 frames, RFC 7541 header blocks.
 */
import { connect, type Socket } from "node:net";

const frameHeaderBytes = 9;
const frame = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
} as const;
const flagEndStream = 1;
const flagAck = 1;
const flagEndHeaders = 4;
/** Our receive window per connection; topped up when half is used. */
const windowBytes = 16 * 1024 * 1024;
const initialWindowBytes = 65_535;
/** The smallest limit that a server may have for the payload of a frame, which all have. */
const frameBytesMax = 16_384;
const initialWindowSetting = 4;

/** `done(ok)` is called per call, from within the processing of one socket chunk. `message` is the answer, if there is one. */
export type CallDone = (ok: boolean, message: Buffer | null) => void;

/** One open gRPC stream: what it does with each message of the server, in order. */
export interface LoadStream {
  /** Sends one gRPC frame (prefix included). */
  write(message: Buffer): void;
}
/** A request that the server's windows, or the size of a frame, keep from going out at once. */
interface Body {
  readonly message: Buffer;
  sent: number;
  /** What the server takes on this stream. */
  window: number;
}
interface OpenStream {
  readonly onMessage: (message: Buffer) => void;
  readonly onEnd: () => void;
  rest: Buffer;
  received: number;
}

export class LoadConnection {
  readonly #socket: Socket;
  readonly #first: Buffer;
  readonly #next: Buffer;
  readonly #authority: string;
  readonly #calls = new Map<number, { done: CallDone; answer: Buffer | null }>();
  readonly #streams = new Map<number, OpenStream>();
  #streamId = 1;
  #sendWindow = initialWindowBytes;
  /** The server's window for each new stream. */
  #streamWindow = initialWindowBytes;
  /** By stream. */
  readonly #bodies = new Map<number, Body>();
  #received = 0;
  #rest: Buffer | null = null;
  #out: Buffer[] = [];
  /** Calls that wait for the server's window. */
  readonly #waiting: Array<{ message: Buffer; done: CallDone }> = [];
  #flushing = false;

  static open(host: string, port: number, path: string): Promise<LoadConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true }, () => {
        socket.removeListener("error", reject);
        resolve(new LoadConnection(socket, `${host}:${port}`, path));
      });
      socket.once("error", reject);
    });
  }

  private constructor(socket: Socket, authority: string, path: string) {
    this.#socket = socket;
    this.#authority = authority;
    [this.#first, this.#next] = headerBlocks(authority, path);
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(initialWindowSetting, 0);
    settings.writeUInt32BE(windowBytes, 2);
    this.#out.push(Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1"));
    this.#out.push(frameOf(frame.settings, 0, 0, settings));
    this.#grant(windowBytes - initialWindowBytes);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      for (const call of this.#calls.values()) call.done(false, null);
      for (const stream of this.#streams.values()) stream.onEnd();
      this.#calls.clear();
      this.#streams.clear();
    });
    this.flush();
  }

  /** Starts one call. `message` is a gRPC frame (prefix included). Goes out at the end of this turn, with all others. */
  call(message: Buffer, done: CallDone): void {
    const isLarge = message.length > Math.min(frameBytesMax, this.#streamWindow);
    if (this.#bodies.size > 0 || (!isLarge && this.#sendWindow < message.length)) {
      this.#waiting.push({ message, done });
      return;
    }
    const block = this.#streamId === 1 ? this.#first : this.#next;
    const id = this.#streamId;
    this.#streamId += 2;
    this.#calls.set(id, { done, answer: null });
    if (isLarge) {
      this.#out.push(frameOf(frame.headers, flagEndHeaders, id, block));
      this.#bodies.set(id, { message, sent: 0, window: this.#streamWindow });
      this.#sendBodies();
      return;
    }
    this.#sendWindow -= message.length;
    const request = Buffer.allocUnsafe(2 * frameHeaderBytes + block.length + message.length);
    let at = writeHeader(request, 0, block.length, frame.headers, flagEndHeaders, id);
    at += block.copy(request, at);
    at = writeHeader(request, at, message.length, frame.data, flagEndStream, id);
    message.copy(request, at);
    this.#out.push(request);
    this.#flushSoon();
  }

  /** Opens a gRPC stream. `onEnd` is called when the server ended it or the connection is gone. Messages are small: no window of ours. */
  stream(path: string, onMessage: (message: Buffer) => void, onEnd: () => void): LoadStream {
    const id = this.#streamId;
    this.#streamId += 2;
    this.#streams.set(id, { onMessage, onEnd, rest: Buffer.alloc(0), received: 0 });
    this.#out.push(frameOf(frame.headers, flagEndHeaders, id, literalBlock(this.#authority, path)));
    this.#flushSoon();
    return {
      write: (message) => {
        this.#sendWindow -= message.length;
        this.#out.push(frameOf(frame.data, 0, id, message));
        this.#flushSoon();
      },
    };
  }

  /** Goes on with what the windows allow now, then with the calls that wait. */
  #sendBodies(): void {
    for (const [id, body] of this.#bodies) {
      const { message } = body;
      while (body.sent < message.length) {
        const size = Math.min(frameBytesMax, message.length - body.sent, body.window, this.#sendWindow);
        if (size <= 0) break;
        const part = message.subarray(body.sent, body.sent + size);
        body.sent += size;
        body.window -= size;
        this.#sendWindow -= size;
        this.#out.push(frameOf(frame.data, body.sent === message.length ? flagEndStream : 0, id, part));
      }
      if (body.sent === message.length) this.#bodies.delete(id);
    }
    this.#flushSoon();
    while (this.#waiting.length > 0 && this.#bodies.size === 0) {
      if (this.#waiting[0]!.message.length > this.#sendWindow && this.#sendWindow < frameBytesMax) return;
      const { message, done } = this.#waiting.shift()!;
      this.call(message, done);
    }
  }

  #settings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== initialWindowSetting) continue;
      const window = payload.readUInt32BE(at + 2);
      for (const body of this.#bodies.values()) body.window += window - this.#streamWindow;
      this.#streamWindow = window;
    }
    this.#out.push(frameOf(frame.settings, flagAck, 0, Buffer.alloc(0)));
    this.#sendBodies();
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => this.flush());
  }

  flush(): void {
    this.#flushing = false;
    if (this.#out.length === 0) return;
    this.#socket.write(this.#out.length === 1 ? this.#out[0]! : Buffer.concat(this.#out));
    this.#out = [];
  }

  close(): void {
    this.#calls.clear();
    this.#streams.clear();
    this.#socket.destroy();
  }

  #grant(bytes: number, id = 0): void {
    const payload = Buffer.alloc(4);
    payload.writeUInt32BE(bytes, 0);
    this.#out.push(frameOf(frame.windowUpdate, 0, id, payload));
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    while (bytes.length - at >= frameHeaderBytes) {
      const length = bytes.readUIntBE(at, 3);
      const end = at + frameHeaderBytes + length;
      if (end > bytes.length) break;
      const id = bytes.readUInt32BE(at + 5) & 0x7fffffff;
      this.#frame(bytes[at + 3]!, bytes[at + 4]!, id, bytes.subarray(at + frameHeaderBytes, end));
      at = end;
    }
    this.#rest = at === bytes.length ? null : bytes.subarray(at);
    this.flush();
  }

  #frame(type: number, flags: number, id: number, payload: Buffer): void {
    if (type === frame.data) {
      const call = this.#calls.get(id);
      // Only the first frame is kept: answers that are looked at are small.
      if (call && payload.length > 0) call.answer ??= payload;
      const stream = this.#streams.get(id);
      if (stream) this.#receiveOn(stream, id, payload);
      this.#received += payload.length;
      if (this.#received > windowBytes / 2) {
        this.#grant(this.#received);
        this.#received = 0;
      }
      if (flags & flagEndStream) this.#finish(id);
    } else if (type === frame.headers) {
      if (flags & flagEndStream) this.#finish(id);
    } else if (type === frame.rstStream) {
      this.#finish(id);
    } else if (type === frame.settings && !(flags & flagAck)) {
      this.#settings(payload);
    } else if (type === frame.ping && !(flags & flagAck)) {
      this.#out.push(frameOf(frame.ping, flagAck, 0, payload));
    } else if (type === frame.windowUpdate) {
      const body = this.#bodies.get(id);
      if (id === 0) this.#sendWindow += payload.readUInt32BE(0);
      else if (body) body.window += payload.readUInt32BE(0);
      if (this.#bodies.size > 0 || this.#waiting.length > 0) this.#sendBodies();
    } else if (type === frame.goaway) {
      this.#socket.end();
    }
  }

  #receiveOn(stream: OpenStream, id: number, payload: Buffer): void {
    stream.received += payload.length;
    if (stream.received > windowBytes / 2) {
      this.#grant(stream.received, id);
      stream.received = 0;
    }
    const bytes = stream.rest.length > 0 ? Buffer.concat([stream.rest, payload]) : payload;
    let at = 0;
    while (bytes.length - at >= 5) {
      const end = at + 5 + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      stream.onMessage(bytes.subarray(at + 5, end));
      at = end;
    }
    stream.rest = Buffer.from(bytes.subarray(at));
  }

  /** A call is good when it brought a message: an error of gRPC is a status without one. */
  #finish(id: number): void {
    // Answered before it was all sent: refused.
    this.#bodies.delete(id);
    const stream = this.#streams.get(id);
    if (stream) {
      this.#streams.delete(id);
      stream.onEnd();
    }
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    call.done(call.answer !== null, call.answer?.subarray(5) ?? null);
  }
}

function writeHeader(
  into: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  id: number,
): number {
  into.writeUIntBE(length, at, 3);
  into[at + 3] = type;
  into[at + 4] = flags;
  into.writeUInt32BE(id, at + 5);
  return at + frameHeaderBytes;
}

function frameOf(type: number, flags: number, id: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  payload.copy(bytes, writeHeader(bytes, 0, payload.length, type, flags, id));
  return bytes;
}

/**
 * The header block of the first request, which puts four fields into the peer's table, and of all further ones, which refer
 * to them: `:method: POST` and `:scheme: http` are static entries 3 and 6; the newest dynamic entry is 62.
 */
function headerBlocks(authority: string, path: string): [Buffer, Buffer] {
  const first = fieldsBlock(authority, path, 0x40);
  return [first, Buffer.from([0x83, 0x86, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62])];
}

/** A block that leaves no trace in the peer's table. */
function literalBlock(authority: string, path: string): Buffer {
  return fieldsBlock(authority, path, 0x00);
}

/** `kind` is the first byte of each literal: 0x40 with incremental indexing, 0x00 without. */
function fieldsBlock(authority: string, path: string, kind: number): Buffer {
  const fields = [
    [":path", path],
    [":authority", authority],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ] as const;
  const literals = fields.flatMap(([name, value]) => [
    Buffer.from([kind, name.length]),
    Buffer.from(name, "latin1"),
    Buffer.from([value.length]),
    Buffer.from(value, "latin1"),
  ]);
  return Buffer.concat([Buffer.from([0x83, 0x86]), ...literals]);
}
