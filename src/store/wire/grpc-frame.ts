/**
 * gRPC's message framing (PROTOCOL-HTTP2.md, "Length-Prefixed-Message"): one flag byte (bit 0: compressed), four bytes of
 * length, big-endian, then the message. Frames lie across HTTP/2 DATA frames in any way. Pure, so that the front, the remote
 * client and the load generator share it; who wants compression brings the inflater.
 */
import { emptyBytes } from "../../base/bytes.ts";
import { AgentError } from "../../base/errors.ts";

export const grpcPrefixBytes = 5;

/** Pieces of this length are kept as they came. */
const wholeBytes = 16_384;
/** What a view costs besides its bytes. */
const chunkOverheadBytes = 128;

/** One message as it lay in the stream. `bytes` is a view into the received chunk where it lay in one piece. */
export interface GrpcFrame {
  readonly compressed: boolean;
  readonly bytes: Uint8Array;
}

/** The stream is not gRPC, or a message is longer than this side takes. The stream cannot be read further. */
export class GrpcFrameError extends AgentError<
  | { code: "grpc.frame-oversize"; length: number; max: number }
  | { code: "grpc.frame-malformed"; flag: number }
> {
  override readonly name = "GrpcFrameError";
}

/** Takes chunks, gives frames. Holds at most `maxBytes` + one chunk: a length beyond the maximum throws before it is read. */
export class GrpcDeframer {
  readonly #maxBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;
  /** Of the frame whose prefix has been read; -1 while the prefix is awaited. */
  #frameBytes = -1;
  #compressed = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether the stream may end here: not inside a frame. */
  get atBoundary(): boolean {
    return this.#length === 0 && this.#frameBytes === -1;
  }

  /** Bytes that were pushed and not yet given as frames. */
  get bufferedBytes(): number {
    return this.#length;
  }

  /** The memory that they keep alive, about: they may be small views of large buffers. */
  get keptBytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.buffer.byteLength + chunkOverheadBytes, 0);
  }

  /**
   * Makes what waits cost about its length, whatever small pieces it came in: call it after each push once the frames are taken.
   * Pieces double in length up to `wholeBytes`, so that few are kept and few bytes are copied twice.
   */
  settle(): void {
    const chunks = this.#chunks;
    let from = chunks.length - 1;
    const last = chunks[from];
    if (last === undefined) return;
    let bytes = last.length;
    while (from > 0 && bytes < wholeBytes && chunks[from - 1]!.length < 2 * bytes) {
      bytes += chunks[--from]!.length;
    }
    if (from === chunks.length - 1 && last.buffer.byteLength <= 2 * bytes) return;
    const joined = Buffer.allocUnsafeSlow(bytes);
    let at = 0;
    for (const chunk of chunks.splice(from)) {
      joined.set(chunk, at);
      at += chunk.length;
    }
    chunks.push(joined);
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The next whole frame, or null until more is pushed. Throws GrpcFrameError. */
  next(): GrpcFrame | null {
    if (this.#frameBytes === -1) {
      if (this.#length < grpcPrefixBytes) return null;
      const prefix = this.#take(grpcPrefixBytes);
      const flag = prefix[0]!;
      const length = ((prefix[1]! << 24) | (prefix[2]! << 16) | (prefix[3]! << 8) | prefix[4]!) >>> 0;
      if (length > this.#maxBytes) {
        const max = this.#maxBytes;
        throw new GrpcFrameError(`received message larger than max (${length} vs. ${max})`, {
          code: "grpc.frame-oversize",
          length,
          max,
        });
      }
      if (flag > 1)
        throw new GrpcFrameError(`received unexpected payload format ${flag}`, {
          code: "grpc.frame-malformed",
          flag,
        });
      this.#compressed = flag === 1;
      this.#frameBytes = length;
    }
    if (this.#length < this.#frameBytes) return null;
    const bytes = this.#take(this.#frameBytes);
    this.#frameBytes = -1;
    return { compressed: this.#compressed, bytes };
  }

  /** `count` bytes from the front; copied only where they lie in several chunks. */
  #take(count: number): Uint8Array {
    if (count === 0) return emptyBytes;
    this.#length -= count;
    const first = this.#chunks[0]!;
    if (first.length > count) {
      this.#chunks[0] = first.subarray(count);
      return first.subarray(0, count);
    }
    if (first.length === count) {
      this.#chunks.shift();
      return first;
    }
    const joined = Buffer.allocUnsafe(count);
    let at = 0;
    let used = 0;
    while (at < count) {
      const chunk = this.#chunks[used]!;
      const part = Math.min(chunk.length, count - at);
      joined.set(part === chunk.length ? chunk : chunk.subarray(0, part), at);
      at += part;
      if (part === chunk.length) used++;
      else this.#chunks[used] = chunk.subarray(part);
    }
    this.#chunks.splice(0, used);
    return joined;
  }
}

/** What stands before a message of `length` bytes that is not compressed. */
export function grpcPrefix(length: number): Buffer {
  const prefix = Buffer.allocUnsafe(grpcPrefixBytes);
  prefix[0] = 0;
  prefix.writeUInt32BE(length, 1);
  return prefix;
}

/** `message` as one uncompressed frame, in one piece. */
export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(grpcPrefixBytes + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, grpcPrefixBytes);
  return frame;
}

/**
 * `grpc-message` may hold only printable ASCII; all else, and the percent sign, goes as %XX of its UTF-8 bytes
 * (PROTOCOL-HTTP2.md, "Status-Message").
 */
export function encodeGrpcMessage(text: string): string {
  if (/^[ -$&-~]*$/.test(text)) return text;
  let out = "";
  for (const byte of Buffer.from(text, "utf8")) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    out += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

/** The reverse; what is not a valid escape stays as it is, as the protocol asks. */
export function decodeGrpcMessage(text: string): string {
  if (!text.includes("%")) return text;
  const bytes: number[] = [];
  const source = Buffer.from(text, "utf8");
  for (let i = 0; i < source.length; i++) {
    const digits = source.toString("latin1", i + 1, i + 3);
    if (source[i] === 0x25 && /^[0-9a-fA-F]{2}$/.test(digits)) {
      bytes.push(Number.parseInt(digits, 16));
      i += 2;
    } else {
      bytes.push(source[i]!);
    }
  }
  return Buffer.from(bytes).toString("utf8");
}
