/**
 * The directory of one member: DATA/{member.json, lock, wal/, db/, snap/}, mode 0700. Everything is checked before
 * anything is written, so a wrong --data-dir leaves no trace. Place in the map: host/, opened first by agent/agent.
 */
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { errnoOf } from "../../base/errors.ts";
import { type ClusterId, hex, type MemberId } from "../../base/ids.ts";
import { syncDirectory } from "../wal/disk.ts";
import { DataDirError } from "./errors.ts";
import { type DirectoryLock, lockDirectory } from "./lock.ts";
import { type MemberRecord, readMember, type StartRecord, writeMember } from "./member-file.ts";

/** Who the caller is. Ids that are left out are taken from the directory, which must hold a member then. */
export interface DataDirIdentity {
  readonly clusterId?: ClusterId;
  readonly memberId?: MemberId;
  readonly name: string;
  /** What a new member begins with. */
  readonly start?: StartRecord;
}

/** An open data directory. `wal` is made by Wal.open, `db` by Generations.open; `snap` exists and is empty. */
export interface DataDirectory {
  readonly path: string;
  readonly member: MemberRecord;
  /** True if this call made the member. */
  readonly created: boolean;
  readonly wal: string;
  readonly db: string;
  readonly snap: string;
  close(): Promise<void>;
}

/** The member that `path` holds, or null for a directory without one, empty or not existing. Creates nothing. */
export async function inspect(path: string): Promise<MemberRecord | null> {
  const entries = await list(path);
  const member = await readMember(path);
  if (member === null && (entries.includes("wal") || entries.includes("db"))) {
    const missing = join(path, "member.json");
    throw new DataDirError(
      `${missing} is missing beside the data of a member: restore it, or remove ${path}`,
      {
        code: "data-dir.damaged",
        path: missing,
      },
    );
  }
  return member;
}

/** Opens `path`, making it if it does not exist. Throws DataDirError; nothing was changed then, except by `unusable`. */
export async function openDataDirectory(path: string, identity: DataDirIdentity): Promise<DataDirectory> {
  const directory = resolve(path);
  check(directory, await inspect(directory), identity);
  await makeDirectory(directory);
  const lock = await lockDirectory(directory);
  try {
    // Again, under the lock: two first starts may have come at once.
    const found = await inspect(directory);
    const member = check(directory, found, identity);
    if (found === null) await writeMember(directory, member);
    const snap = join(directory, "snap");
    await rm(snap, { recursive: true, force: true });
    await mkdir(snap, { mode: 0o700 });
    return layout(directory, { member, created: found === null, lock });
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function layout(
  path: string,
  opened: { readonly member: MemberRecord; readonly created: boolean; readonly lock: DirectoryLock },
): DataDirectory {
  return {
    path,
    member: opened.member,
    created: opened.created,
    wal: join(path, "wal"),
    db: join(path, "db"),
    snap: join(path, "snap"),
    close: () => opened.lock.release(),
  };
}

/** The member that the directory holds or will hold. Throws DataDirError. */
function check(path: string, found: MemberRecord | null, identity: DataDirIdentity): MemberRecord {
  const { clusterId, memberId, name, start } = identity;
  if (found === null) {
    if (clusterId !== undefined && memberId !== undefined) {
      return { clusterId, memberId, name, ...(start ? { start } : {}) };
    }
    throw new DataDirError(`${path} holds no member: say which cluster to make or join (--initial-cluster)`, {
      code: "data-dir.empty",
      path,
    });
  }
  if (clusterId !== undefined && clusterId !== found.clusterId) {
    throw foreign(path, `cluster ${hex(found.clusterId)}`, `cluster ${hex(clusterId)}`);
  }
  if (memberId !== undefined && memberId !== found.memberId) {
    throw foreign(
      path,
      `member ${hex(found.memberId)} ("${found.name}")`,
      `member ${hex(memberId)} ("${name}")`,
    );
  }
  return found;
}

function foreign(path: string, holds: string, wanted: string): DataDirError {
  return new DataDirError(
    `${path} belongs to ${holds}, not to ${wanted}: give --data-dir another directory, or start with the flags ` +
      "that it was made with",
    { code: "data-dir.foreign", path },
  );
}

async function list(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw unusable(path, error);
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await makeWithParents(path);
    if ((await stat(path)).isDirectory()) return;
  } catch (error) {
    throw unusable(path, error);
  }
}

/** Step by step: Node's own recursive mkdir never returns where the file system answers ENOENT for the parent's child (/proc). */
async function makeWithParents(path: string): Promise<void> {
  if ((await stat(path).catch(() => null)) !== null) return;
  const parent = dirname(path);
  await makeWithParents(parent);
  await mkdir(path, { mode: 0o700 });
  await syncDirectory(parent);
}

function unusable(path: string, cause: unknown): DataDirError {
  return new DataDirError(
    `cannot use ${path} as data directory (${errnoOf(cause)}): look at its owner and mode, or give --data-dir another`,
    { code: "data-dir.unusable", path },
    { cause },
  );
}
