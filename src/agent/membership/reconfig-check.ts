/**
 * What --strict-reconfig-check refuses (etcd.md 7): changes after which the members that have started could not form a quorum, and
 * changes while members are not connected. A member has started when it has told its name.
 */
import { MemberId } from "../../base/ids.ts";
import { KvError } from "../../store/errors.ts";
import type { Member } from "../../store/kv.ts";

/** The leader's view. */
export interface Connections {
  /** Whether this member is that one, or has been connected to it for a while. */
  isHealthy(member: MemberId): boolean;
  /** Whether this member is that one, or is connected to it now. */
  isConnected(member: MemberId): boolean;
}

/** Adding a member. Throws `kv.not-enough-started-members` or `kv.unhealthy-cluster`. */
export function checkAdd(members: readonly Member[], isLearner: boolean, connections: Connections): void {
  const voters = votersOf(members);
  if (!isLearner && !isReadyForVoter(voters)) throw new KvError("kv.not-enough-started-members");
  if (!voters.every((voter) => connections.isHealthy(MemberId(voter.ID)))) {
    throw new KvError("kv.unhealthy-cluster");
  }
}

/** Removing `id`, known or not. Throws `kv.not-enough-started-members` or `kv.unhealthy-cluster`. */
export function checkRemove(members: readonly Member[], id: MemberId, connections: Connections): void {
  if (members.find((member) => member.ID === id)?.isLearner) return;
  const voters = votersOf(members);
  const rest = voters.filter((voter) => voter.ID !== id);
  if (rest.length === 0 || started(rest) < quorum(rest.length)) {
    throw new KvError("kv.not-enough-started-members");
  }
  // One that is down is not part of the quorum that carries the cluster.
  if (!connections.isConnected(id)) return;
  const healthy = voters.filter((voter) => connections.isHealthy(MemberId(voter.ID))).length;
  if (healthy - 1 < 1 + Math.floor((voters.length - 1) / 2)) throw new KvError("kv.unhealthy-cluster");
}

/** Promoting a learner. Throws `kv.not-enough-started-members`. */
export function checkPromote(members: readonly Member[]): void {
  const voters = votersOf(members);
  // The learner has started: it has the log.
  if (started(voters) + 1 < quorum(voters.length + 1)) throw new KvError("kv.not-enough-started-members");
}

/** The second member of a cluster is let in although it has not started: there is no other way to grow. */
function isReadyForVoter(voters: readonly Member[]): boolean {
  if (voters.length === 1 && started(voters) === 1) return true;
  return started(voters) >= quorum(voters.length + 1);
}

function votersOf(members: readonly Member[]): Member[] {
  return members.filter((member) => !member.isLearner);
}

function started(members: readonly Member[]): number {
  return members.filter((member) => member.name !== "").length;
}

function quorum(members: number): number {
  return Math.floor(members / 2) + 1;
}
