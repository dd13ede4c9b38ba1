/**
 * Where the executable may keep files that it later runs as code: a directory that nobody but this user (or root) can
 * change. Part of the executable, not of the build: bundle.ts puts it in the place of the loaders of native addons.
 */
import { lstatSync, mkdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

/** What decides the choice; a parameter so that tests can make up a host. */
export interface Surroundings {
  /** Effective user id. */
  readonly uid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const groupWrite = 0o020;
const othersWrite = 0o002;
const sticky = 0o1000;

/**
 * The candidates, best first. What systemd gave us comes first; root then prefers /var/cache to /run, because Debian
 * mounts /run without permission to run code; a user's cache survives a reboot, so it comes before the runtime dir.
 */
export function candidateDirectories({ uid, env }: Surroundings): string[] {
  const candidates: string[] = [];
  const add = (parent: string | undefined, name: string): void => {
    if (parent?.startsWith("/")) candidates.push(join(parent, name));
  };
  add(env.CACHE_DIRECTORY?.split(":")[0], "native");
  if (uid === 0) {
    add("/var/cache", "argosy");
    add("/run", "argosy");
  } else {
    add(env.XDG_CACHE_HOME ?? (env.HOME === undefined ? undefined : join(env.HOME, ".cache")), "argosy");
    add(env.XDG_RUNTIME_DIR, "argosy");
  }
  add("/tmp", `argosy-${uid}`);
  return candidates;
}

/**
 * Makes `path` (its parent must exist) and returns the real path, or throws with the reason why it cannot be trusted:
 * it and every directory above must belong to this user or root and be writable by no one else. A sticky directory such
 * as /tmp is fine above, since there nobody can rename what belongs to us.
 */
export function openPrivateDirectory(path: string, uid: number): string {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const own = lstatSync(path);
  if (!own.isDirectory()) throw new Error(`${path} is not a directory`);
  if (own.uid !== uid) throw new Error(`${path} belongs to user ${own.uid}`);
  if (own.mode & (groupWrite | othersWrite)) throw new Error(`${path} is writable by others`);

  const real = realpathSync(path);
  for (let above = dirname(real); ; above = dirname(above)) {
    const state = lstatSync(above);
    if (state.uid !== uid && state.uid !== 0) throw new Error(`${above} belongs to user ${state.uid}`);
    const shared = (state.mode & (groupWrite | othersWrite)) !== 0;
    if (shared && (state.mode & sticky) === 0) throw new Error(`${above} is writable by others`);
    if (above === "/") return real;
  }
}
