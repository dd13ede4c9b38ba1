/** Gathers a header block that is spread over HEADERS and CONTINUATION (RFC 9113, 6.10). */
import { calm } from "./errors.ts";
import { frameHeaderBytes } from "./frame.ts";

/** Compressed bytes, frame headers included, so that empty frames do not go on forever either (CVE-2024-27316). */
const blockBytesMax = 64 * 1024;

export class HeaderBlock {
  /** Whose block is being gathered; 0 for none. */
  streamId = 0;
  /** Whether its HEADERS said END_STREAM. */
  ended = false;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  begin(streamId: number, ended: boolean): void {
    this.streamId = streamId;
    this.ended = ended;
    this.#bytes = 0;
  }

  /** Throws Http2Error when the block becomes too long. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes += frameHeaderBytes + end - start;
    if (this.#bytes > blockBytesMax) {
      throw calm("header block too long");
    }
    this.#pieces.push(bytes.subarray(start, end));
  }

  finish(): Uint8Array {
    const block = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.streamId = 0;
    return block;
  }
}
