/**
 * Where pages are encoded, one after the other, used again and again: a file of a gigabyte would otherwise leave as many bytes
 * behind for the garbage collector, which then marks the whole heap many times a second.
 */

/** Pages of one slice of entries, unless single values are larger. */
const bytesAtFirst = 256 * 1024;

export class PageRoom {
  #bytes = Buffer.alloc(bytesAtFirst);
  #used = 0;

  /** Bytes placed since the last `take`. */
  get used(): number {
    return this.#used;
  }

  /** Room for `bytes` behind what was taken, all zero. It has to be filled at once: the next call may move it. */
  place(bytes: number): Buffer {
    const start = this.#used;
    this.#used += bytes;
    if (this.#used > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(this.#used, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, start);
      this.#bytes = larger;
    }
    return this.#bytes.subarray(start, this.#used).fill(0);
  }

  /** What has been placed since the last time. It is overwritten by the next `place`. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#used);
    this.#used = 0;
    return taken;
  }
}
