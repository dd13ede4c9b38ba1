/**
 * A database as a stream of bytes, for a member that is too far behind (Raft paper 7). Frames of many rows:
 *
 *     u32 body length | u32 checksum | body
 *     body:  'H' u32 version, u64 applied index          first
 *            'R' (u32 key length, u32 value length, key, value) ...
 *            'E' u64 rows                                last; nothing may follow
 *
 * The checksum is CRC-32C of the body continued from the frame before, so frames can be neither altered, dropped nor
 * reordered, and without 'E' with the right count the stream was cut.
 */

import { crc32c } from "../../base/crc32c.ts";
import { Index } from "../../base/ids.ts";
import { ByteReader, ByteReaderError } from "../codec/byte-reader.ts";
import { ByteWriter } from "../codec/byte-writer.ts";
import { LevelError } from "./errors.ts";

export type Row = [key: Uint8Array, value: Uint8Array];

const version = 1;
const tag = { head: 0x48, rows: 0x52, end: 0x45 };
/** No row is larger than a request, so no honest frame comes near this. */
const frameBytesMax = 64 * 1024 * 1024;

/** Encodes one stream; call head once, rows as often as needed, end once. */
export class StreamEncoder {
  #checksum = 0;
  #rows = 0;

  head(appliedIndex: Index): Buffer {
    return this.#frame(32, (writer) => writer.u8(tag.head).u32(version).u64(appliedIndex));
  }

  rows(rows: readonly Row[]): Buffer {
    this.#rows += rows.length;
    const bytes = rows.reduce((sum, [key, value]) => sum + 8 + key.length + value.length, 16);
    return this.#frame(bytes, (writer) => {
      writer.u8(tag.rows);
      for (const [key, value] of rows) writer.u32(key.length).u32(value.length).raw(key).raw(value);
    });
  }

  end(): Buffer {
    return this.#frame(32, (writer) => writer.u8(tag.end).u64(this.#rows));
  }

  #frame(bytes: number, writeBody: (writer: ByteWriter) => void): Buffer {
    const writer = new ByteWriter(bytes).u32(0).u32(0);
    writeBody(writer);
    writer.patchU32(0, writer.length - 8);
    this.#checksum = crc32c(this.#checksum, writer.view(8));
    writer.patchU32(4, this.#checksum);
    return writer.view();
  }
}

export type StreamPart =
  | { readonly type: "head"; readonly appliedIndex: Index }
  | { readonly type: "rows"; readonly rows: Row[] };

/** Decodes a stream that may be divided anywhere. Throws LevelError `level.stream-damaged`. */
export async function* decodeStream(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<StreamPart> {
  let checksum = 0;
  let rows = 0;
  let state: "start" | "rows" | "ended" = "start";
  for await (const { body, expected } of frames(chunks)) {
    checksum = crc32c(checksum, body);
    if (checksum !== expected) throw damaged("a checksum does not match");
    if (state === "ended") throw damaged("data follows the end");
    const part = decodeBody(body);
    if ((part.type === "head") !== (state === "start")) throw damaged("the parts are out of order");
    if (part.type === "end") {
      if (part.rows !== rows) throw damaged(`${part.rows} rows were announced, ${rows} came`);
      state = "ended";
      continue;
    }
    if (part.type === "rows") rows += part.rows.length;
    state = "rows";
    yield part;
  }
  if (state !== "ended") throw damaged("it ends too early");
}

interface Frame {
  readonly body: Buffer;
  readonly expected: number;
}

async function* frames(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Frame> {
  let parts: Uint8Array[] = [];
  let have = 0;
  let need = 8;
  for await (const chunk of chunks) {
    parts.push(chunk);
    have += chunk.length;
    if (have < need) continue;
    let bytes =
      parts.length === 1 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat(parts);
    for (need = needed(bytes); bytes.length >= need; need = needed(bytes)) {
      yield { body: bytes.subarray(8, need), expected: bytes.readUInt32LE(4) };
      bytes = bytes.subarray(need);
    }
    parts = [bytes];
    have = bytes.length;
  }
  if (have > 0) throw damaged("it ends inside a frame");
}

/** Bytes of the frame at the start of `bytes`, or of its head as long as that is not there. */
function needed(bytes: Buffer): number {
  if (bytes.length < 8) return 8;
  const length = bytes.readUInt32LE(0);
  if (length === 0 || length > frameBytesMax) throw damaged("a frame length is impossible");
  return 8 + length;
}

function decodeBody(body: Buffer): StreamPart | { readonly type: "end"; readonly rows: number } {
  try {
    const reader = new ByteReader(body);
    const kind = reader.u8();
    if (kind === tag.rows) return { type: "rows", rows: readRows(reader) };
    if (kind === tag.end) return { type: "end", rows: reader.u64() };
    if (kind !== tag.head) reader.fail("unknown frame");
    const found = reader.u32();
    if (found !== version) reader.fail(`format ${found} is not known here`);
    return { type: "head", appliedIndex: Index(reader.u64()) };
  } catch (error) {
    if (error instanceof ByteReaderError) throw damaged(error.message);
    throw error;
  }
}

function readRows(reader: ByteReader): Row[] {
  const rows: Row[] = [];
  while (reader.remaining > 0) {
    const keyLength = reader.u32();
    const valueLength = reader.u32();
    rows.push([reader.raw(keyLength), reader.raw(valueLength)]);
  }
  return rows;
}

export function damaged(problem: string): LevelError {
  return new LevelError(`the snapshot stream is damaged: ${problem}`, { code: "level.stream-damaged" });
}
