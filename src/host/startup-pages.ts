/**
 * Gives back the memory that only the start needed: pages of the executable that were run or read once (V8's and Node's
 * initialisation, the snapshot, the code cache). They are clean copies of the file, so the kernel may drop them; what is used
 * again comes back from the page cache by a minor fault. Only mappings of the executable itself that cannot be written and hold
 * no page of their own are touched: a mapping with relocated pages would lose them.
 */
import { readFileSync, readlinkSync } from "node:fs";

/** madvise(2). */
const MADV_DONTNEED = 4;

interface Mapping {
  readonly start: bigint;
  readonly bytes: number;
}

/** Clean mappings of the executable at `path`, from the text of /proc/self/smaps (proc(5)). */
export function cleanMappings(smaps: string, path: string): Mapping[] {
  const mappings: Mapping[] = [];
  for (const text of smaps.split(/\n(?=[0-9a-f]+-[0-9a-f]+ )/)) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ \S+ +(.*)$/m.exec(text);
    if (!match || match[3] !== path || !/^Anonymous: +0 kB$/m.test(text)) continue;
    const start = BigInt(`0x${match[1]}`);
    mappings.push({ start, bytes: Number(BigInt(`0x${match[2]}`) - start) });
  }
  return mappings;
}

/** Drops them. Loads koffi. Does nothing where /proc is not mounted or the addon does not load. */
export async function releaseStartupPages(): Promise<void> {
  try {
    const mappings = cleanMappings(
      readFileSync("/proc/self/smaps", "latin1"),
      readlinkSync("/proc/self/exe"),
    );
    const { default: koffi } = await import("koffi");
    const madvise = koffi.load(null).func("int madvise(uintptr_t, size_t, int)");
    for (const { start, bytes } of mappings) madvise(start, bytes, MADV_DONTNEED);
  } catch {
    // It is only memory: an agent that cannot give it back runs as well.
  }
}
