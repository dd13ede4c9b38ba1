/** The chunks of a snapshot between the socket and whoever reads them: when too much is queued, the socket is paused. */

/** Queued bytes at which the socket is paused. It is resumed when the queue is empty. */
const queuedBytesMax = 1024 * 1024;

export class ChunkQueue implements AsyncIterable<Uint8Array> {
  readonly #flow: { pause(): void; resume(): void };
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  #paused = false;
  #end: { readonly error: Error | null } | null = null;
  #wake = Promise.withResolvers<void>();

  constructor(modules: { readonly flow: { pause(): void; resume(): void } }) {
    this.#flow = modules.flow;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > queuedBytesMax && !this.#paused) {
      this.#paused = true;
      this.#flow.pause();
    }
    this.#wake.resolve();
  }

  /** No more chunks: the stream is whole, or `error` cut it. The first call counts. */
  end(error: Error | null): void {
    this.#end ??= { error };
    this.#wake.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunks = this.#chunks;
      this.#chunks = [];
      this.#bytes = 0;
      if (chunks.length > 0) {
        yield* chunks;
        continue;
      }
      if (this.#paused) {
        this.#paused = false;
        this.#flow.resume();
      }
      if (this.#end?.error) throw this.#end.error;
      if (this.#end) return;
      await this.#wake.promise;
      this.#wake = Promise.withResolvers<void>();
    }
  }
}
