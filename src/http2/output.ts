/**
 * What is to be sent next, gathered into few pieces: small frames are written side by side into blocks, large payloads are
 * taken as they are. A piece that was handed out is never written again, so the socket may hold it.
 */

const firstBlockBytes = 512;
const blockBytesMax = 32 * 1024;
/** Copying less than this is cheaper than one more piece in a vectored write. */
export const copyBytesMax = 4096;

export class Output {
  /** The block that is being filled: write at the position that `reserve` gave. */
  block: Uint8Array = new Uint8Array(0);
  /** Bytes that wait to be taken. */
  length = 0;
  #pieces: Uint8Array[] = [];
  /** `block[#start..#at)` is written and not yet in `#pieces`. */
  #start = 0;
  #at = 0;
  /** Doubles as blocks fill up, so that an idle connection costs little. */
  #nextBlockBytes = firstBlockBytes;

  readonly #filled: () => void;

  /** `filled` is called when there is something after all was taken. */
  constructor(filled: () => void) {
    this.#filled = filled;
  }

  /** Room for `bytes`, which the caller fills at once: the position in `block`. */
  reserve(bytes: number): number {
    if (this.#at + bytes > this.block.length) {
      this.#seal();
      this.block = Buffer.allocUnsafeSlow(Math.max(this.#nextBlockBytes, bytes));
      this.#nextBlockBytes = Math.min(this.#nextBlockBytes * 2, blockBytesMax);
      this.#start = 0;
      this.#at = 0;
    }
    const at = this.#at;
    this.#at += bytes;
    this.#count(bytes);
    return at;
  }

  /** Appends `bytes`, which must not change any more. */
  append(bytes: Uint8Array): void {
    if (bytes.length <= copyBytesMax) {
      const at = this.reserve(bytes.length);
      this.block.set(bytes, at);
      return;
    }
    this.#seal();
    this.#pieces.push(bytes);
    this.#count(bytes.length);
  }

  /** Everything, in order. */
  take(): Uint8Array[] {
    this.#seal();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.length = 0;
    return pieces;
  }

  #count(bytes: number): void {
    const filled = this.length === 0 && bytes > 0;
    this.length += bytes;
    if (filled) this.#filled();
  }

  #seal(): void {
    if (this.#at > this.#start) this.#pieces.push(this.block.subarray(this.#start, this.#at));
    this.#start = this.#at;
  }
}
