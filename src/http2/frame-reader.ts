/**
 * Cuts the received bytes into frames, however they arrive. A frame that lies in one chunk is not copied: `bytes`, `start` and
 * `end` point into the chunk. One that is spread over chunks is gathered first, so that what happens next never depends on
 * how the network cut the stream. Holds at most one frame.
 */
import { emptyBytes } from "../base/bytes.ts";
import { ErrorCode } from "./error-code.ts";
import { Http2Error } from "./errors.ts";
import { frameHeaderBytes, framePayloadBytesMax, preface, readUint32 } from "./frame.ts";

export class FrameReader {
  /** The current frame; valid after `next` returned true, until it is called again. */
  type = 0;
  flags = 0;
  streamId = 0;
  bytes: Uint8Array = emptyBytes;
  /** The payload is `bytes[start..end)`. */
  start = 0;
  end = 0;
  #chunk: Uint8Array = emptyBytes;
  #at = 0;
  #prefaceBytes = 0;
  /** The frame that is being gathered: first its header, then a buffer of its whole length. */
  #partial: Uint8Array | null = null;
  #filled = 0;

  /** Gives the next chunk. All frames of the one before must have been taken. */
  push(chunk: Uint8Array): void {
    this.#chunk = chunk;
    this.#at = 0;
  }

  /** Whether a whole frame is there. Throws Http2Error for a wrong preface and for a frame that is too long. */
  next(): boolean {
    if (this.#prefaceBytes < preface.length && !this.#readPreface()) return false;
    if (this.#partial) return this.#gather(this.#partial);
    const left = this.#chunk.length - this.#at;
    if (left >= frameHeaderBytes) {
      const bytes = frameHeaderBytes + payloadLength(this.#chunk, this.#at);
      if (left >= bytes) {
        this.#take(this.#chunk, this.#at, bytes);
        this.#at += bytes;
        return true;
      }
    }
    if (left === 0) return false;
    this.#filled = 0;
    return this.#gather(new Uint8Array(frameHeaderBytes));
  }

  #readPreface(): boolean {
    while (this.#prefaceBytes < preface.length) {
      if (this.#at === this.#chunk.length) return false;
      if (this.#chunk[this.#at++] !== preface.charCodeAt(this.#prefaceBytes++)) {
        throw new Http2Error(ErrorCode.PROTOCOL_ERROR, "not an HTTP/2 preface");
      }
    }
    return true;
  }

  #gather(partial: Uint8Array): boolean {
    this.#partial = partial;
    if (!this.#fill(partial)) return false;
    if (partial.length === frameHeaderBytes) {
      const bytes = frameHeaderBytes + payloadLength(partial, 0);
      if (bytes > frameHeaderBytes) {
        const whole = new Uint8Array(bytes);
        whole.set(partial);
        this.#partial = whole;
        if (!this.#fill(whole)) return false;
      }
    }
    this.#take(this.#partial, 0, this.#partial.length);
    this.#partial = null;
    return true;
  }

  /** Moves bytes of the chunk into `partial`; whether it is full now. */
  #fill(partial: Uint8Array): boolean {
    const count = Math.min(partial.length - this.#filled, this.#chunk.length - this.#at);
    partial.set(this.#chunk.subarray(this.#at, this.#at + count), this.#filled);
    this.#at += count;
    this.#filled += count;
    return this.#filled === partial.length;
  }

  #take(bytes: Uint8Array, at: number, length: number): void {
    this.type = bytes[at + 3]!;
    this.flags = bytes[at + 4]!;
    this.streamId = readUint32(bytes, at + 5) & 0x7fff_ffff;
    this.bytes = bytes;
    this.start = at + frameHeaderBytes;
    this.end = at + length;
  }
}

function payloadLength(bytes: Uint8Array, at: number): number {
  const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
  if (length > framePayloadBytesMax) {
    throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, `frame of ${length} bytes`);
  }
  return length;
}
