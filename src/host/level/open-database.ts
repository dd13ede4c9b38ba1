/** Opens level with keys and values that are bytes, and says in our words why it does not open. */
import { Level } from "level";
import { errnoOf } from "../../base/errors.ts";
import { LevelError } from "./errors.ts";

export type Database = Level<Uint8Array, Uint8Array>;

/**
 * Makes the database if there is none. Throws LevelError.
 *
 * Blocks are not compressed: leveldb then reads rows from its mapped files where they lie, and a random read costs 4.5
 * microseconds instead of 8 (256-byte values, test machine). Blocks of older databases are read as they are.
 */
export async function openDatabase(path: string): Promise<Database> {
  const database: Database = new Level(path, {
    keyEncoding: "view",
    valueEncoding: "view",
    compression: false,
  });
  try {
    await database.open();
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (errnoOf(cause) === "LEVEL_LOCKED") {
      throw new LevelError(
        `${path} is in use by another process: stop that one, or give --data-dir another directory`,
        { code: "level.locked", path },
        { cause: error },
      );
    }
    throw openFailed(path, cause ?? error);
  }
  return database;
}

export function openFailed(path: string, cause: unknown): LevelError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new LevelError(
    `cannot open ${path}: ${reason}. Look at the disk; if the files are damaged, remove the member from the ` +
      "cluster, empty its data directory and add it again",
    { code: "level.open-failed", path },
    { cause },
  );
}
