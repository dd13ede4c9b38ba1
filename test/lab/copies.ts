/** Whether a unit ever ran twice at one time, from the marks that its process left on each host's disk. */
import type { Host } from "./hosts.ts";

/** One life of the unit's process: from its first mark to its last. Seconds since 1970; all hosts share one clock. */
export interface Life {
  readonly host: string;
  readonly id: string;
  readonly from: number;
  readonly to: number;
}

/** All lives of the program `beat MARK` (test/lab/cluster.ts) on these hosts, in order of their beginning. */
export function livesOf(mark: string, hosts: readonly Host[]): Life[] {
  return hosts.flatMap((host) => readLives(host.name, marksOf(mark, host))).sort((a, b) => a.from - b.from);
}

function marksOf(mark: string, host: Host): string {
  try {
    return host.read(`/var/beat-${mark}`);
  } catch {
    return "";
  }
}

/** A line is `<id> <seconds>`; the last one may be torn. */
export function readLives(host: string, marks: string): Life[] {
  const lives = new Map<string, { from: number; to: number }>();
  for (const line of marks.split("\n").slice(0, -1)) {
    const [id, text] = line.split(" ");
    const at = Number(text);
    if (!id || !Number.isFinite(at)) continue;
    const life = lives.get(id);
    if (life) life.to = at;
    else lives.set(id, { from: at, to: at });
  }
  return [...lives].map(([id, { from, to }]) => ({ host, id, from, to }));
}

/** Each pair of lives that were there at one time. Empty is the promise: no unit ever runs twice. */
export function overlaps(lives: readonly Life[]): ReadonlyArray<readonly [Life, Life]> {
  const found: Array<readonly [Life, Life]> = [];
  for (const [i, one] of lives.entries()) {
    for (const other of lives.slice(i + 1)) {
      if (one.from <= other.to && other.from <= one.to) found.push([one, other]);
    }
  }
  return found;
}
