/** How many files, sockets included, this process may have open. */
import { readFileSync } from "node:fs";

/** From the text of /proc/self/limits (proc(5)): the soft limit; infinity where there is none or it is not told. */
export function openFilesMax(limits: string): number {
  const [, soft] = /^Max open files +(\d+|unlimited) /m.exec(limits) ?? [];
  return soft === undefined || soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}

/** Of this process, now. Node has raised the soft limit to the hard one when it started. */
export function ownOpenFilesMax(): number {
  try {
    return openFilesMax(readFileSync("/proc/self/limits", "latin1"));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
