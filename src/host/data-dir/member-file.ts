/**
 * DATA/member.json: whose data this is. Written once, when the directory is made, by rename, so it is whole or absent.
 *
 *     {"formatVersion":1,"clusterId":"9f2c0a51b3d4e677","memberId":"41e5d3a90b1c2d3e","name":"h1",
 *      "start":{"joined":false,"members":[{"id":"41e5d3a90b1c2d3e","name":"h1","peerUrls":["http://10.0.0.1:2380"]}]}}
 */
import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf } from "../../base/errors.ts";
import { ClusterId, hex, MemberId } from "../../base/ids.ts";
import { syncDirectory } from "../wal/disk.ts";
import { DataDirError } from "./errors.ts";

const formatVersion = 1;
const fileName = "member.json";

/** The member that a data directory belongs to. `name` is what it was called when it was made; it may change later. */
export interface MemberRecord {
  readonly clusterId: ClusterId;
  readonly memberId: MemberId;
  readonly name: string;
  /** Absent in a directory of an early version. */
  readonly start?: StartRecord;
}

/** What the member began with; the log goes on from there. */
export interface StartRecord {
  /** True: the cluster ran already, and its log says who counts. False: these members are the first voters. */
  readonly joined: boolean;
  readonly members: readonly StartMember[];
}

export interface StartMember {
  readonly id: MemberId;
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly isLearner?: boolean;
}

/** Null if there is none. Throws DataDirError for one that cannot be read. */
export async function readMember(directory: string): Promise<MemberRecord | null> {
  const path = join(directory, fileName);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return null;
    throw new DataDirError(
      `cannot read ${path} (${errnoOf(error)}): look at its owner and mode`,
      { code: "data-dir.unusable", path },
      { cause: error },
    );
  }
  return parseMember(path, text);
}

export async function writeMember(directory: string, member: MemberRecord): Promise<void> {
  const path = join(directory, fileName);
  const text = JSON.stringify({
    formatVersion,
    clusterId: hex(member.clusterId),
    memberId: hex(member.memberId),
    name: member.name,
    ...(member.start ? { start: startJson(member.start) } : {}),
  });
  const handle = await open(`${path}.tmp`, "w", 0o600);
  try {
    await handle.writeFile(`${text}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${path}.tmp`, path);
  await syncDirectory(directory);
}

function parseMember(path: string, text: string): MemberRecord {
  const found = parseObject(text);
  if (typeof found?.formatVersion === "number" && found.formatVersion > formatVersion) {
    throw new DataDirError(
      `${path} is in format ${found.formatVersion}, this release reads ${formatVersion}: start the newer release`,
      { code: "data-dir.version", path, version: found.formatVersion },
    );
  }
  const clusterId = parseId(found?.clusterId);
  const memberId = parseId(found?.memberId);
  if (found?.formatVersion !== formatVersion || clusterId === null || memberId === null) {
    throw new DataDirError(`${path} is damaged: restore it, or give --data-dir another directory`, {
      code: "data-dir.damaged",
      path,
    });
  }
  const name = typeof found.name === "string" ? found.name : "";
  const record = { clusterId: ClusterId(clusterId), memberId: MemberId(memberId), name };
  if (found.start === undefined) return record;
  const start = parseStart(found.start);
  if (start) return { ...record, start };
  throw new DataDirError(`${path} is damaged: restore it, or give --data-dir another directory`, {
    code: "data-dir.damaged",
    path,
  });
}

function startJson({ joined, members }: StartRecord): object {
  return { joined, members: members.map((member) => ({ ...member, id: hex(member.id) })) };
}

function parseStart(value: unknown): StartRecord | null {
  const start = value as { joined?: unknown; members?: unknown } | null;
  if (typeof start?.joined !== "boolean" || !Array.isArray(start.members)) return null;
  const members = start.members.map((member: Record<string, unknown> | null): StartMember | null => {
    const id = parseId(member?.id);
    const urls = member?.peerUrls;
    if (id === null || !Array.isArray(urls) || typeof member?.name !== "string") return null;
    return {
      id: MemberId(id),
      name: member.name,
      peerUrls: urls.map(String),
      isLearner: member.isLearner === true,
    };
  });
  return members.every((member) => member !== null) ? { joined: start.joined, members } : null;
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function parseId(value: unknown): bigint | null {
  return typeof value === "string" && /^[0-9a-f]{1,16}$/.test(value) ? BigInt(`0x${value}`) : null;
}
