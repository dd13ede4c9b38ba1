/**
 * Which members' data differ (etcd.md 17.11): a pure judgement over hashes that were taken at one revision. Hashes can be
 * compared only between members that were compacted equally far (4.7).
 *
 *   three members, hashes a a b      the third is corrupt
 *   three members, hashes a b        no class has a majority of three: member 0, "somebody"
 *   hashes a (compacted 5) b (7)     nothing can be said
 */
import type { MemberId } from "../../base/ids.ts";

/** A member's HashKV at the revision that all were asked for. */
export interface MemberHash {
  readonly member: MemberId;
  readonly hash: number;
  readonly compactRevision: number;
}

/** Alarms are raised for this "member" when the data differ and nobody can tell whose are right. */
export const nobody = 0n as MemberId;

/**
 * The members whose data are wrong: those outside of the class of equal hashes that a majority of all `members` has;
 * `nobody` without such a class; empty when all that can be compared is equal.
 */
export function corruptMembers(members: number, hashes: readonly MemberHash[]): MemberId[] {
  const corrupt: MemberId[] = [];
  for (const comparable of groupBy(hashes, (each) => each.compactRevision)) {
    const classes = groupBy(comparable, (each) => each.hash);
    if (classes.length < 2) continue;
    const sound = classes.find((each) => each.length * 2 > members);
    if (sound === undefined) return [nobody];
    for (const { member } of comparable)
      if (!sound.some((each) => each.member === member)) corrupt.push(member);
  }
  return corrupt;
}

/** Whether a start must be refused: a peer that can be compared has other data, whoever of both is right. */
export function differsFromPeers(own: MemberHash, peers: readonly MemberHash[]): MemberId[] {
  return peers
    .filter((peer) => peer.compactRevision === own.compactRevision && peer.hash !== own.hash)
    .map((peer) => peer.member);
}

function groupBy<Key>(hashes: readonly MemberHash[], keyOf: (hash: MemberHash) => Key): MemberHash[][] {
  return [...Map.groupBy(hashes, keyOf).values()];
}
