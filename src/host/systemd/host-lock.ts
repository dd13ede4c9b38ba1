/**
 * One agent drives the units of a host: a second one would stop what it does not want, which is all of the first one's. The
 * lock lies beside the units, under /run, and is the data directory's lock once more (host/data-dir/lock).
 */
import { mkdir } from "node:fs/promises";
import { DataDirError } from "../data-dir/errors.ts";
import { type DirectoryLock, lockDirectory } from "../data-dir/lock.ts";

/** Held until released, or until the process ends. May be released twice. */
export type HostLock = DirectoryLock;

/** Takes the lock in `directory`; null if another process has it. Throws file errors. */
export async function lockHost(directory: string): Promise<HostLock | null> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  try {
    const lock = await lockDirectory(directory);
    let released: Promise<void> | null = null;
    return {
      release: () => {
        released ??= lock.release();
        return released;
      },
    };
  } catch (error) {
    if (error instanceof DataDirError && error.code === "data-dir.locked") return null;
    throw error;
  }
}
