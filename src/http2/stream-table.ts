/** The streams of a connection: those that are open, and a short memory of those that were. */
import type { Http2Stream } from "./stream.ts";

/** How long ago (in closed streams) a peer may still be sending on a stream that we closed over its head. */
const recentMax = 256;

export class StreamTable {
  /** Largest id that the peer has used; everything above is idle. */
  lastId = 0;
  readonly #open = new Map<number, Http2Stream>();
  /** Ids of the last closed streams, negative where the peer may not know yet. */
  readonly #recent = new Int32Array(recentMax);
  #at = 0;

  get size(): number {
    return this.#open.size;
  }

  get(id: number): Http2Stream | undefined {
    return this.#open.get(id);
  }

  /** In the order of their opening. */
  all(): Iterable<Http2Stream> {
    return this.#open.values();
  }

  add(stream: Http2Stream): void {
    this.#open.set(stream.id, stream);
  }

  /** `unaware`: the peer may have sent more before it hears of it. */
  close(id: number, unaware: boolean): void {
    this.#open.delete(id);
    this.#recent[this.#at] = unaware ? -id : id;
    this.#at = (this.#at + 1) % recentMax;
  }

  /** Of a stream that is not open and not idle. `unknown`: closed long ago, or skipped by the peer. */
  fateOf(id: number): "unaware" | "closed" | "unknown" {
    if (this.#recent.includes(-id)) return "unaware";
    return this.#recent.includes(id) ? "closed" : "unknown";
  }
}
