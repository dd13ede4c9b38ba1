/**
 * Which database counts. DB/<number>/ are databases, DB/CURRENT names the one in use; it changes by rename, so after a
 * crash at any moment it names the old one or the new one, each whole. What CURRENT does not name is removed on open.
 *
 *     DB/1, CURRENT=1 -> receive into DB/2 -> sync -> CURRENT.tmp=2 -> sync -> rename -> sync DB -> remove DB/1
 */
import { mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errnoOf } from "../../base/errors.ts";
import { syncDirectory } from "../wal/disk.ts";
import { LevelError } from "./errors.ts";

export class Generations {
  readonly #directory: string;
  #current: number;

  /** Opens DB, making it if it does not exist, and removes what a crash left behind. Throws LevelError. */
  static async open(directory: string): Promise<Generations> {
    await makeDirectory(directory);
    const current = await readCurrent(directory);
    const generations = new Generations(directory, current ?? 1);
    if (current === null) await generations.#point(1);
    await generations.#removeOthers();
    return generations;
  }

  private constructor(directory: string, current: number) {
    this.#directory = directory;
    this.#current = current;
  }

  /** The database in use. It may not exist yet: a new member. */
  get path(): string {
    return this.#pathOf(this.#current);
  }

  /** An unused place beside it for one that is being received; whatever was there is removed. */
  async incoming(): Promise<string> {
    const path = this.#pathOf(this.#current + 1);
    await rm(path, { recursive: true, force: true });
    return path;
  }

  /**
   * Makes the database at `incoming()` the one in use; it must be durable and closed. The former one must be closed too,
   * and is removed.
   */
  async install(): Promise<void> {
    await syncDirectory(this.#directory);
    await this.#point(this.#current + 1);
    this.#current += 1;
    await this.#removeOthers();
  }

  #pathOf(generation: number): string {
    return join(this.#directory, String(generation));
  }

  async #point(generation: number): Promise<void> {
    const temporary = join(this.#directory, "CURRENT.tmp");
    const handle = await open(temporary, "w", 0o600);
    try {
      await handle.writeFile(`${generation}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, join(this.#directory, "CURRENT"));
    await syncDirectory(this.#directory);
  }

  async #removeOthers(): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      if (name === "CURRENT" || name === String(this.#current)) continue;
      await rm(join(this.#directory, name), { recursive: true, force: true });
    }
  }
}

async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 });
    await syncDirectory(dirname(directory));
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw error;
  }
}

/** Null in a directory that has no database yet. Never guesses: a directory with databases but no CURRENT is refused. */
async function readCurrent(directory: string): Promise<number | null> {
  const path = join(directory, "CURRENT");
  let text: string;
  try {
    text = await readFile(path, "latin1");
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    const others = (await readdir(directory)).filter((name) => name !== "CURRENT.tmp");
    if (others.length === 0) return null;
    throw new LevelError(`${path} is missing: restore it; it holds the name of the directory beside it`, {
      code: "level.open-failed",
      path,
    });
  }
  const generation = /^[1-9]\d{0,14}\n$/.test(text) ? Number(text) : null;
  if (generation !== null) return generation;
  throw new LevelError(`${path} does not hold a number: write the name of the directory beside it`, {
    code: "level.open-failed",
    path,
  });
}
