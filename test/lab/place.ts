/**
 * What a lab occupies on this machine, all under one tag: a directory in the temporary folder, one network namespace that
 * is the switch, one cgroup per host. Processes die with the test process (their parent's death kills them), so a
 * crashed test leaves only these, and the next lab sweeps them away.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attempt, must, until } from "./command.ts";

const prefix = "argosy-lab-";

/** When process `pid` started, in clock ticks since boot; undefined if there is none. Pids are reused, this pair is not. */
function startedAt(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

/** Why no lab can be made here, or undefined. */
export async function skipReason(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "the lab needs root (namespaces, mounts)";
  for (const tool of ["ip", "unshare", "nsenter", "setpriv", "nft", "mount"]) {
    if ((await attempt(["which", tool])).code !== 0) return `the lab needs the program ${tool}`;
  }
  if (!existsSync("/lib/systemd/systemd")) return "the lab needs systemd (Debian package systemd)";
  if (!readFileSync("/proc/filesystems", "utf8").includes("overlay"))
    return "the lab needs a kernel with overlayfs";
  return undefined;
}

/** The mount point of the cgroup2 tree of this machine; mounts one under `dir` if there is none. */
async function cgroupRoot(dir: string): Promise<{ root: string; mounted: boolean }> {
  for (const line of readFileSync("/proc/mounts", "utf8").split("\n")) {
    const [, at, type] = line.split(" ");
    // Not one under the temporary folder: that is another lab's, and goes when it goes.
    if (type === "cgroup2" && at && !at.startsWith(tmpdir())) return { root: at, mounted: false };
  }
  const root = join(dir, "cgroup");
  mkdirSync(root, { recursive: true });
  await must(["mount", "-t", "cgroup2", "none", root]);
  return { root, mounted: true };
}

/** One lab's claim on this machine. */
export class Place {
  readonly tag: string;
  readonly dir: string;
  /** Name of the network namespace that is the switch. */
  readonly switch: string;
  readonly #cgroups: string;
  readonly #mounted: boolean;

  private constructor(tag: string, cgroups: { root: string; mounted: boolean }) {
    this.tag = tag;
    this.dir = join(tmpdir(), prefix + tag);
    this.switch = prefix + tag;
    this.#cgroups = cgroups.root;
    this.#mounted = cgroups.mounted;
  }

  /** Sweeps what dead labs left, then claims `tag` for this process. */
  static async claim(tag: string): Promise<Place> {
    await sweep();
    const dir = join(tmpdir(), prefix + tag);
    mkdirSync(dir);
    writeFileSync(join(dir, "owner"), `${process.pid} ${startedAt(process.pid)}`);
    return new Place(tag, await cgroupRoot(dir));
  }

  /** The cgroup of one host; made on the first use. */
  cgroup(host: string): string {
    const path = join(this.#cgroups, `${prefix}${this.tag}-${host}`);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Gives everything back. Hosts must be off. */
  async release(): Promise<void> {
    await removeCgroups(this.#cgroups, this.tag);
    if (this.#mounted) await attempt(["umount", this.#cgroups]);
    await attempt(["ip", "netns", "del", this.switch]);
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Removes the cgroup directories of a lab from the leaves up, killing what still runs in them. */
async function removeCgroups(root: string, tag: string): Promise<void> {
  for (const name of readdirSync(root).filter((entry) => entry.startsWith(`${prefix}${tag}-`))) {
    const top = join(root, name);
    writeFileSync(join(top, "cgroup.kill"), "1");
    await until(`${top} is empty`, () =>
      /populated 0/.test(readFileSync(join(top, "cgroup.events"), "utf8")),
    );
    removeTree(top);
  }
}

/** A cgroup directory can only be removed by rmdir, children first: its files are the kernel's. */
export function removeTree(dir: string): void {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(dir, entry.name));
  }
  rmdirSync(dir);
}

/** Removes what labs of dead processes left behind. */
async function sweep(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(prefix))) {
    const dir = join(tmpdir(), name);
    let owner: string[] = [];
    try {
      owner = readFileSync(join(dir, "owner"), "utf8").split(" ");
    } catch {
      // Made, but not yet signed by its owner: someone is starting a lab at this moment.
      continue;
    }
    const [pid, started] = owner;
    if (startedAt(Number(pid)) === started) continue;
    const tag = name.slice(prefix.length);
    const own = join(dir, "cgroup");
    const { root } = existsSync(own) ? { root: own } : await cgroupRoot(dir);
    await removeCgroups(root, tag);
    await attempt(["umount", own]);
    await attempt(["ip", "netns", "del", name]);
    rmSync(dir, { recursive: true, force: true });
  }
}
