/** A connection without a socket: frames in by hand, what it did and what it would send out as lists. */
import { Http2Connection } from "../../../src/http2/connection.ts";
import { FrameType, int31Max, preface } from "../../../src/http2/frame.ts";
import { HpackDecoder } from "../../../src/http2/hpack/decoder.ts";
import { encodeHeaders } from "../../../src/http2/hpack/encode.ts";
import type { Http2Options } from "../../../src/http2/options.ts";
import type { Http2Stream } from "../../../src/http2/stream.ts";

export const options: Http2Options = {
  streamWindowBytes: 100_000,
  connectionWindowBytes: 200_000,
  streamsMax: 4,
  outboxBytesMax: 50_000,
  outboxTotalBytesMax: 1_000_000,
  headerListBytesMax: 64 * 1024,
  pingIntervalMsMin: 0,
  shared: { bytes: 0, bytesMax: 1_000_000_000, fairBytes: 0 },
};

export function frame(type: number, flags: number, id: number, payload: Uint8Array | number[] = []): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, Buffer.from(payload)]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}

export const requestBlock = encodeHeaders([
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/s.S/M"],
  [":authority", "http://127.0.0.1:2379"],
  ["content-type", "application/grpc"],
]);
export const answerBlock = encodeHeaders([[":status", "200"]]);
export const trailerBlock = encodeHeaders([["grpc-status", "0"]]);

export const settings = (...pairs: [id: number, value: number][]): Buffer =>
  frame(
    FrameType.SETTINGS,
    0,
    0,
    Buffer.concat(pairs.map(([id, value]) => Buffer.concat([Buffer.from([0, id]), uint32(value)]))),
  );
export const headers = (id: number, flags = 4, block: Uint8Array = requestBlock): Buffer =>
  frame(FrameType.HEADERS, flags, id, block);
export const data = (id: number, bytes: Uint8Array | number[], flags = 0): Buffer =>
  frame(FrameType.DATA, flags, id, bytes);
export const reset = (id: number, code = 8): Buffer => frame(FrameType.RST_STREAM, 0, id, uint32(code));
export const windowUpdate = (id: number, bytes: number): Buffer =>
  frame(FrameType.WINDOW_UPDATE, 0, id, uint32(bytes));
export const ping = (flags = 0): Buffer => frame(FrameType.PING, flags, 0, Buffer.from("pingpong"));

export interface SentFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

const typeNames = Object.keys(FrameType);

/** A frame that was sent, in few words: `RST_STREAM 1 code=5`. */
export function describe({ type, flags, id, payload }: SentFrame): string {
  const head = `${typeNames[type]} ${id}`;
  if (type === FrameType.RST_STREAM) return `${head} code=${payload.readUInt32BE(0)}`;
  if (type === FrameType.GOAWAY)
    return `${head} last=${payload.readUInt32BE(0)} code=${payload.readUInt32BE(4)}`;
  if (type === FrameType.WINDOW_UPDATE) return `${head} +${payload.readUInt32BE(0)}`;
  if (type === FrameType.SETTINGS || type === FrameType.PING) return flags & 1 ? `${head} ack` : head;
  const end = (type === FrameType.HEADERS || type === FrameType.DATA) && flags & 1 ? " end" : "";
  return `${head} ${payload.length}${end}`;
}

/** What the connection did, one line each; answers nothing by itself. */
export class Harness {
  readonly events: string[] = [];
  readonly streams = new Map<number, Http2Stream>();
  readonly connection: Http2Connection;
  /** All frames sent so far. */
  readonly sent: SentFrame[] = [];
  onDrained: (stream: Http2Stream) => void = () => {};
  onOpened: (stream: Http2Stream, ended: boolean) => void = () => {};
  onData: (stream: Http2Stream, bytes: Uint8Array, ended: boolean) => void = () => {};
  over = false;
  #rest: Buffer = Buffer.alloc(0);
  readonly #hpack = new HpackDecoder({ listBytesMax: int31Max });

  constructor(given: Partial<Http2Options> = {}) {
    this.connection = new Http2Connection(
      { ...options, ...given },
      {
        opened: (stream, request, ended) => {
          this.events.push(`opened ${stream.id} ${request.path}${ended ? " end" : ""}`);
          this.streams.set(stream.id, stream);
          stream.listener = {
            data: (bytes, last) => {
              this.events.push(
                `data ${stream.id} ${Buffer.from(bytes).toString("hex")}${last ? " end" : ""}`,
              );
              this.onData(stream, bytes, last);
            },
            drained: () => {
              this.events.push(`drained ${stream.id}`);
              this.onDrained(stream);
            },
            aborted: () => this.events.push(`aborted ${stream.id}`),
          };
          this.onOpened(stream, ended);
        },
        outputReady: () => {},
        over: (failure) => {
          this.over = true;
          this.events.push(failure ? `failed ${failure.detail.errorCode}` : "over");
        },
      },
    );
  }

  /** A harness whose connection is past the greeting, which is not in the lists. */
  static greeted(given: Partial<Http2Options> = {}, greeting: Buffer = settings()): Harness {
    const harness = new Harness(given);
    harness.receive(Buffer.from(preface, "latin1"), greeting);
    harness.take();
    harness.sent.length = 0;
    return harness;
  }

  receive(...bytes: Uint8Array[]): this {
    return this.receiveAt(0, ...bytes);
  }

  receiveAt(nowMs: number, ...bytes: Uint8Array[]): this {
    this.connection.receive(Buffer.concat(bytes), nowMs);
    return this;
  }

  /** What is to be sent now, parsed; also appended to `sent`. */
  take(): SentFrame[] {
    const bytes = Buffer.concat([this.#rest, ...this.connection.takeOutput()]);
    const frames: SentFrame[] = [];
    let at = 0;
    while (bytes.length - at >= 9) {
      const end = at + 9 + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const id = bytes.readUInt32BE(at + 5);
      frames.push({ type: bytes[at + 3]!, flags: bytes[at + 4]!, id, payload: bytes.subarray(at + 9, end) });
      at = end;
    }
    this.#rest = bytes.subarray(at);
    this.sent.push(...frames);
    return frames;
  }

  said(): string[] {
    return this.take().map(describe);
  }

  /** The fields of a header block that was sent. */
  fieldsOf(sent: SentFrame): string[] {
    const { fields } = this.#hpack.decode(sent.payload, 0, sent.payload.length);
    return fields.map((field) => `${field.name}: ${field.value}`);
  }
}
