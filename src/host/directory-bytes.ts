/** How much a directory takes. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** Sum of the sizes of its files, not of directories below; files that vanish meanwhile count nothing. */
export async function directoryBytes(path: string): Promise<number> {
  const names = await readdir(path).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(path, name)).then(
        (file) => file.size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
