/**
 * Prepares the file of the next segment while the present one fills, so that a rotation does not wait for 64 MiB of
 * zeros. A preparation that fails is tried again by the rotation, which then reports it.
 */
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { writeZeros } from "./disk.ts";

export class NextSegment {
  readonly path: string;
  readonly #bytes: number;
  #ready: Promise<boolean> | null = null;
  #stopped = false;

  constructor(options: { directory: string; bytes: number }) {
    this.path = join(options.directory, "next.tmp");
    this.#bytes = options.bytes;
  }

  /** Begins to prepare, unless that has begun. */
  start(): void {
    this.#ready ??= writeZeros(this.path, 0, this.#bytes, () => this.#stopped).then(
      () => !this.#stopped,
      () => false,
    );
  }

  /** Resolves when the file is there; it is the caller's now. Throws what the file system says. */
  async take(): Promise<string> {
    this.start();
    const ready = await this.#ready;
    this.#ready = null;
    if (!ready) await writeZeros(this.path, 0, this.#bytes, () => false);
    return this.path;
  }

  /** Stops preparing and removes the file. */
  async close(): Promise<void> {
    this.#stopped = true;
    if ((await this.#ready) === null) return;
    await unlink(this.path).catch(() => {});
  }
}
