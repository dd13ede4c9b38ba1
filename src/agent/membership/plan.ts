/**
 * What a change of membership comes to: the members after it, and who counts in raft. Pure; decided on the leader, when all
 * earlier changes are applied there, and carried out by one entry of the log for both (store/members.ts, raft/configuration.ts).
 *
 * A new voter begins as a learner in raft: a cluster of one would otherwise wait for it before it has started. It votes once it
 * has the log (`promoteInRaft`); clients see a voter all the time (thesis 4.2.1).
 */
import { MemberId } from "../../base/ids.ts";
import { membersPerListMax } from "../../raft/configuration.ts";
import type { Configuration } from "../../raft/entry.ts";
import { KvError } from "../../store/errors.ts";
import type { Member } from "../../store/kv.ts";
import type { MemberChange } from "../../store/wire/admin-messages.ts";

/** How things stand before the change. */
export interface Standing {
  readonly members: readonly Member[];
  readonly isRemoved: (id: MemberId) => boolean;
  readonly configuration: Configuration;
}

export interface Plan {
  readonly change: MemberChange;
  readonly configuration: Configuration;
}

/** Lets a member in. Throws `kv.member-exists`, `kv.peer-urls-exist` or `kv.too-many-learners`. */
export function planAdd(standing: Standing, added: Member, learnersMax: number): Plan {
  const { members, configuration } = standing;
  const id = MemberId(added.ID);
  if (members.some((member) => member.ID === id) || standing.isRemoved(id)) {
    throw new KvError("kv.member-exists");
  }
  checkUrlsFree(members, added);
  const learners = members.filter((member) => member.isLearner).length;
  // A voter begins as a learner too, and raft's list of them has an end.
  const isFull = configuration.learners.length >= membersPerListMax;
  if (isFull || (added.isLearner && learners >= learnersMax)) throw new KvError("kv.too-many-learners");
  return {
    change: { member: added, members: [...members, added], removed: 0n },
    configuration: { ...configuration, learners: sorted([...configuration.learners, id]) },
  };
}

/** Throws `kv.member-not-found`; `kv.unhealthy-cluster` if nobody would be left who votes already. */
export function planRemove(standing: Standing, id: MemberId): Plan {
  const member = find(standing, id);
  const { configuration } = standing;
  const voters = configuration.voters.filter((voter) => voter !== id);
  if (voters.length === 0) throw new KvError("kv.unhealthy-cluster");
  return {
    change: { member, members: standing.members.filter((each) => each !== member), removed: id },
    configuration: {
      ...configuration,
      voters,
      learners: configuration.learners.filter((learner) => learner !== id),
    },
  };
}

/** Gives a member other peer URLs, sorted. Throws `kv.member-not-found` or `kv.peer-urls-exist`. */
export function planUpdate(standing: Standing, id: MemberId, peerURLs: string[]): Plan {
  const member = { ...find(standing, id), peerURLs };
  checkUrlsFree(
    standing.members.filter((each) => each.ID !== id),
    member,
  );
  return { change: replaced(standing, member), configuration: standing.configuration };
}

/** Gives a learner its vote. Throws `kv.member-not-found` or `kv.not-a-learner`. */
export function planPromote(standing: Standing, id: MemberId): Plan {
  const learner = find(standing, id);
  if (!learner.isLearner) throw new KvError("kv.not-a-learner");
  return {
    change: replaced(standing, { ...learner, isLearner: false }),
    configuration: promoteInRaft(standing.configuration, id),
  };
}

/** The configuration in which `id` votes. */
export function promoteInRaft(configuration: Configuration, id: MemberId): Configuration {
  return {
    ...configuration,
    voters: sorted([...configuration.voters, id]),
    learners: configuration.learners.filter((learner) => learner !== id),
  };
}

/** Voters to clients that raft still treats as learners. */
export function awaitingVote(members: readonly Member[], configuration: Configuration): MemberId[] {
  return configuration.learners.filter((id) => members.some((each) => each.ID === id && !each.isLearner));
}

function find({ members }: Standing, id: MemberId): Member {
  const member = members.find((each) => each.ID === id);
  if (member === undefined) throw new KvError("kv.member-not-found");
  return member;
}

function replaced({ members }: Standing, member: Member): MemberChange {
  return { member, members: members.map((each) => (each.ID === member.ID ? member : each)), removed: 0n };
}

function checkUrlsFree(others: readonly Member[], { peerURLs }: Member): void {
  const taken = others.some((other) => other.peerURLs.some((url) => peerURLs.includes(url)));
  if (taken) throw new KvError("kv.peer-urls-exist");
}

function sorted(ids: readonly MemberId[]): MemberId[] {
  return [...new Set(ids)].sort((left, right) => (left < right ? -1 : 1));
}
