/**
 * The files of our units on a systemd host: the unit itself in a directory of ours (fleet's), a drop-in that puts it
 * behind the fence, and a mark that says it was started. All under /run: a reboot leaves nothing.
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../../base/errors.ts";
import { unitNameProblem } from "../../units/unit-name.ts";
import { behindFence } from "./fence.ts";

export interface UnitFilesOptions {
  /** fleet's units_directory: /run/fleet/units. */
  readonly unitsDirectory: string;
  /** Where marks of started units lie: /run/fleet/launched. */
  readonly launchedDirectory: string;
  /** systemd's runtime unit directory: /run/systemd/system. */
  readonly systemdDirectory: string;
}

export class UnitFiles {
  readonly #options: UnitFilesOptions;

  constructor(options: UnitFilesOptions) {
    this.#options = options;
  }

  path(unit: string): string {
    return join(this.#options.unitsDirectory, unit);
  }

  /** Writes files into systemd's directory. True if any of them was missing or different. */
  async provide(files: Readonly<Record<string, string>>): Promise<boolean> {
    const { unitsDirectory, launchedDirectory, systemdDirectory } = this.#options;
    await mkdir(unitsDirectory, { recursive: true, mode: 0o755 });
    await mkdir(launchedDirectory, { recursive: true, mode: 0o755 });
    let changed = false;
    for (const [name, text] of Object.entries(files)) {
      const path = join(systemdDirectory, name);
      if ((await readText(path)) === text) continue;
      await replaceFile(path, text);
      changed = true;
    }
    return changed;
  }

  async write(unit: string, text: string): Promise<void> {
    const directory = this.#dropInDirectory(unit);
    await mkdir(directory, { recursive: true, mode: 0o755 });
    await replaceFile(join(directory, "50-argosy-fence.conf"), behindFence);
    await replaceFile(this.path(unit), text);
  }

  async remove(unit: string): Promise<void> {
    await rm(this.#mark(unit), { force: true });
    await rm(this.#dropInDirectory(unit), { recursive: true, force: true });
    // Last: while the file is there, the unit is found and unloaded again after a crash.
    await rm(this.path(unit), { force: true });
  }

  /** Names and texts of all units in our directory. Other files there are not ours and are left alone. */
  async list(): Promise<{ name: string; text: string }[]> {
    const names = await readdir(this.#options.unitsDirectory).catch(() => []);
    const units: { name: string; text: string }[] = [];
    for (const name of names.sort()) {
      if (unitNameProblem(name) !== undefined) continue;
      const text = await readText(this.path(name));
      if (text !== null) units.push({ name, text });
    }
    return units;
  }

  /** Notes that the unit was started under the lease that `epoch` names. */
  async markLaunched(unit: string, epoch: string): Promise<void> {
    await replaceFile(this.#mark(unit), epoch);
  }

  async unmarkLaunched(unit: string): Promise<void> {
    await rm(this.#mark(unit), { force: true });
  }

  /** What `markLaunched` noted last; null if the unit was stopped by us since, or never started. */
  launchedUnder(unit: string): Promise<string | null> {
    return readText(this.#mark(unit));
  }

  #mark(unit: string): string {
    return join(this.#options.launchedDirectory, unit);
  }

  #dropInDirectory(unit: string): string {
    return join(this.#options.systemdDirectory, `${unit}.d`);
  }
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "EISDIR") return null;
    throw error;
  }
}

/** systemd never sees half a file. */
async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = `${path}.argosy-new`;
  await writeFile(temporary, text, { mode: 0o644 });
  await rename(temporary, path);
}
