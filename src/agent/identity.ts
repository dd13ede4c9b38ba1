/**
 * Who this process is: member and cluster ids computed as etcd does (etcd.md 1), and the machine id of the host.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ClusterId, MemberId } from "../base/ids.ts";
import type { InitialMember } from "./config.ts";

function firstEightBytes(digest: Buffer): bigint {
  return digest.readBigUInt64BE(0);
}

/** SHA-1 over the sorted peer URLs joined with nothing, then the token; the first 8 bytes, big-endian. */
export function memberIdOf(peerUrls: readonly string[], token: string): MemberId {
  const digest = createHash("sha1")
    .update([...peerUrls].sort().join("") + token)
    .digest();
  return MemberId(firstEightBytes(digest));
}

/** SHA-1 over all member ids, ascending, 8 bytes big-endian each; the first 8 bytes. */
export function clusterIdOf(members: readonly MemberId[]): ClusterId {
  const hash = createHash("sha1");
  for (const id of [...members].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0))) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(id);
    hash.update(bytes);
  }
  return ClusterId(firstEightBytes(hash.digest()));
}

/** A member of `--initial-cluster` with its id. */
export interface IdentifiedMember extends InitialMember {
  readonly id: MemberId;
  readonly isLearner?: boolean;
}

export interface ClusterIdentity {
  readonly clusterId: ClusterId;
  readonly memberId: MemberId;
  /** True: a member of a cluster that ran before it (agent/membership/join.ts). */
  readonly joined: boolean;
  readonly members: readonly IdentifiedMember[];
}

/** The ids that every member computes alike from the same `--initial-cluster` and token. */
export function clusterIdentity(
  name: string,
  initial: readonly InitialMember[],
  token: string,
): ClusterIdentity {
  const members = initial.map((member) => ({ ...member, id: memberIdOf(member.peerUrls, token) }));
  return {
    clusterId: clusterIdOf(members.map((member) => member.id)),
    memberId: members.find((member) => member.name === name)!.id,
    joined: false,
    members,
  };
}

/**
 * The host's machine id (32 hex digits): /etc/machine-id, or, where that is missing or empty, one made once and kept in
 * the data directory. Call it after the directory was opened, so that a wrong --data-dir is refused before this writes.
 */
export function machineIdOf(dataDir: string): string {
  const kept = join(dataDir, "machine-id");
  for (const path of ["/etc/machine-id", kept]) {
    const id = readTrimmed(path);
    if (/^[0-9a-f]{32}$/.test(id)) return id;
  }
  const id = randomBytes(16).toString("hex");
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const aside = `${kept}.tmp`;
  writeFileSync(aside, `${id}\n`, { mode: 0o644, flush: true });
  renameSync(aside, kept);
  return id;
}

function readTrimmed(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
