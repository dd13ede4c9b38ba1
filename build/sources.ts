/** Has anything changed since the executable was made? Told by content, so a fresh checkout with old times is not fooled. */
import { createHash } from "node:crypto";
import { access, glob, readFile, writeFile } from "node:fs/promises";
import { root } from "./platform.ts";

/** Where a build says what it is doing: one line each. */
export type Report = (line: string) => void;

const patterns = ["src/**/*.ts", "build/**/*.ts", "package.json", "package-lock.json", "sea-config.json"];

/** SHA-256 over all that the executable is made from. */
export async function sourceDigest(): Promise<string> {
  const files: string[] = [];
  for await (const file of glob(patterns, { cwd: root })) files.push(file);
  const hash = createHash("sha256");
  for (const file of files.sort()) hash.update(`${file}\0`).update(await readFile(`${root}${file}`));
  return hash.digest("hex");
}

/** Records that `output` was made from the sources with this digest. */
export async function writeStamp(output: string, digest: string): Promise<void> {
  await writeFile(stampPath(output), digest);
}

/** Whether `output` exists and was made from the sources as they are now. */
export async function isCurrent(output: string): Promise<boolean> {
  try {
    await access(`${root}${output}`);
    return (await readFile(stampPath(output), "utf8")) === (await sourceDigest());
  } catch {
    return false;
  }
}

function stampPath(output: string): string {
  return `${root}dist/build/${output.split("/").at(-1)}.stamp`;
}
