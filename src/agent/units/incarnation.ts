/**
 * What tells two hosts with one machine id apart (a cloned image is the usual cause): a random text, made once per boot and
 * data directory. It is kept with the kernel's boot id, so an agent that restarts on the same host and boot is the same.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../../base/errors.ts";

const bootIdPath = "/proc/sys/kernel/random/boot_id";

/** Reads or makes the incarnation in `directory`. Call it when the directory is this process's. Throws file errors. */
export function incarnationOf(
  directory: string,
  bootId: string = readFileSync(bootIdPath, "utf8").trim(),
): string {
  const path = join(directory, "incarnation");
  const [kept, boot] = (readOrNull(path) ?? "").split(/\s+/);
  if (kept && boot === bootId) return kept;
  const made = randomBytes(16).toString("hex");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, `${made} ${bootId}\n`, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
  return made;
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw error;
  }
}
