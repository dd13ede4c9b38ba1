/**
 * Frames on a connection between members: u32 length of what follows, u8 type, body. The splitter turns the chunks of a
 * socket into frames; it copies only frames that span chunks.
 */
import { asBuffer } from "../../base/bytes.ts";
import { ByteReader, ByteReaderError } from "../codec/byte-reader.ts";
import { ByteWriter } from "../codec/byte-writer.ts";
import { PeerCodecError } from "./errors.ts";

/** The numbers are the format (docs/format-peer.md). */
export const frameTypes = {
  hello: 1,
  welcome: 2,
  refused: 3,
  ping: 4,
  message: 5,
  call: 6,
  result: 7,
  failure: 8,
  snapshot: 9,
  chunk: 10,
  end: 11,
  done: 12,
} as const;
export type FrameType = (typeof frameTypes)[keyof typeof frameTypes];

/** Nothing that members send is larger; a longer one closes the connection. */
export const frameBytesMax: number = 64 * 1024 * 1024;
const headBytes = 5;

export interface Frame {
  readonly type: number;
  readonly body: Buffer;
}

/** One frame; `bytes` is the expected size of the body. */
export function encodeFrame(type: FrameType, bytes = 0, writeBody?: (writer: ByteWriter) => void): Buffer {
  const writer = new ByteWriter(headBytes + bytes).u32(0).u8(type);
  writeBody?.(writer);
  writer.patchU32(0, writer.length - 4);
  return writer.view();
}

/** Reads a frame's body with `read`; damage becomes PeerCodecError. */
export function decodeBody<Value>(body: Uint8Array, read: (reader: ByteReader) => Value): Value {
  try {
    const reader = new ByteReader(body);
    const value = read(reader);
    reader.end();
    return value;
  } catch (error) {
    if (error instanceof ByteReaderError) throw new PeerCodecError(error.message);
    throw error;
  }
}

export class FrameSplitter {
  /** Frames longer than this are refused; small until the other side has said who it is. */
  bytesMax: number;
  #parts: Buffer[] = [];
  #have = 0;
  #need = headBytes;

  constructor(bytesMax: number = frameBytesMax) {
    this.bytesMax = bytesMax;
  }

  /** The frames that `chunk` completes. Throws PeerCodecError for a length that no frame may have. */
  *push(chunk: Uint8Array): Generator<Frame> {
    this.#parts.push(asBuffer(chunk));
    this.#have += chunk.length;
    if (this.#have < this.#need) return;
    let bytes = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts);
    let need = this.#needed(bytes);
    while (bytes.length >= need) {
      yield { type: bytes[4]!, body: bytes.subarray(headBytes, need) };
      bytes = bytes.subarray(need);
      need = this.#needed(bytes);
    }
    this.#parts = bytes.length === 0 ? [] : [bytes];
    this.#have = bytes.length;
    this.#need = need;
  }

  /** Size of the frame at the start of `bytes`, or of a head while that is not whole. */
  #needed(bytes: Buffer): number {
    if (bytes.length < headBytes) return headBytes;
    const length = bytes.readUInt32LE(0);
    if (length === 0 || length > this.bytesMax) throw new PeerCodecError(`a frame of ${length} bytes`);
    return 4 + length;
  }
}
