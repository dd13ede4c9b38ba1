/**
 * The segment that is being written: preallocated with zeros and opened O_DSYNC, so that one write is write and sync in a
 * single trip to the thread pool.
 */
import fs from "node:fs";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { type Disk, syncDirectory } from "./disk.ts";
import { StorageError } from "./errors.ts";
import type { RecordPlace } from "./record.ts";
import { type SegmentName, segmentFile } from "./segment-name.ts";

export class SegmentWriter {
  readonly path: string;
  readonly name: SegmentName;
  readonly #disk: Disk;
  readonly #descriptor: number;
  #offset: number;
  #size: number;

  /** Continues an existing segment at `offset`. */
  constructor(options: { directory: string; name: SegmentName; offset: number }, modules: { disk: Disk }) {
    this.name = options.name;
    this.path = join(options.directory, segmentFile(options.name));
    this.#disk = modules.disk;
    this.#descriptor = fs.openSync(this.path, fs.constants.O_RDWR | fs.constants.O_DSYNC);
    this.#size = fs.fstatSync(this.#descriptor).size;
    this.#offset = options.offset;
  }

  /** Where the next record goes. */
  get place(): RecordPlace {
    return { sequence: this.name.sequence, offset: this.#offset };
  }

  /** Whether `bytes` more fit into what was preallocated. */
  fits(bytes: number): boolean {
    return this.#offset + bytes <= this.#size;
  }

  get halfFull(): boolean {
    return this.#offset * 2 > this.#size;
  }

  /** One write, durable when it resolves. Throws StorageError; what is on disk is unknown then. */
  async write(bytes: Uint8Array): Promise<void> {
    let written: number;
    try {
      written = await this.#disk.write(this.#descriptor, bytes, this.#offset);
    } catch (cause) {
      throw writeFailed(this.path, cause);
    }
    // A short write means a full disk; trying the rest would hide it until the next time.
    if (written !== bytes.length) throw writeFailed(this.path, new Error("short write"));
    this.#offset += written;
  }

  close(): void {
    fs.closeSync(this.#descriptor);
  }
}

/**
 * Gives the prepared file `temporary` its head and then its name. After a crash at any point there is either no such
 * segment or one with a whole head.
 */
export async function nameSegment(
  directory: string,
  temporary: string,
  name: SegmentName,
  head: Uint8Array,
): Promise<void> {
  const path = join(directory, segmentFile(name));
  try {
    const handle = await open(temporary, "r+");
    try {
      await handle.write(head, 0, head.length, 0);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    await syncDirectory(directory);
  } catch (cause) {
    throw writeFailed(path, cause);
  }
}

export function writeFailed(path: string, cause: unknown): StorageError {
  return new StorageError(
    `cannot write ${path}: the member stops; look at the disk and start it again`,
    { code: "storage.write-failed", path },
    { cause },
  );
}
