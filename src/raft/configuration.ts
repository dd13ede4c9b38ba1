/**
 * Configurations: their encoding in the log, which change may follow which, and the history that tells the one in force.
 *
 * A configuration is in force from the moment its entry is *appended* (thesis 4.1), unlike etcd, where it is from the
 * moment it is applied. Then the log alone decides who counts: a restart needs no commit index to know it, and a truncated
 * entry takes its configuration along. See DESIGN.md.
 */
import { assert } from "../base/assert.ts";
import { type Index, MemberId } from "../base/ids.ts";
import type { Configuration, Entry, EntryId } from "./entry.ts";
import { everybody } from "./quorum.ts";

/** Versions of the encoding below: without a context, and with one. */
const versionBare = 1;
const versionWithContext = 2;
/** No list is longer; guards the decoder. etcd recommends at most 7 voters. */
export const membersPerListMax = 1000;

/** A configuration with no member: a member that waits to be added. */
export const emptyConfiguration: Configuration = { voters: [], votersOutgoing: [], learners: [] };

/** A configuration of voters only, sorted. */
export function votersOnly(voters: readonly MemberId[]): Configuration {
  return { voters: sorted(voters), votersOutgoing: [], learners: [] };
}

/**
 * Version (1 byte), then voters, outgoing voters and learners: each a count (u16 big-endian) and that many u64 big-endian.
 * In version 2 the context follows, up to the end: what the change means to the state machine, which gets the same entry.
 * Example: voters {1}, nothing else -> 01 0001 0000000000000001 0000 0000.
 */
export function encodeConfiguration(
  configuration: Configuration,
  context: Uint8Array | null = null,
): Uint8Array {
  const lists = [configuration.voters, configuration.votersOutgoing, configuration.learners];
  const listBytes = lists.reduce((size, list) => size + 2 + 8 * list.length, 0);
  const bytes = new Uint8Array(1 + listBytes + (context?.length ?? 0));
  const view = new DataView(bytes.buffer);
  view.setUint8(0, context === null ? versionBare : versionWithContext);
  if (context !== null) bytes.set(context, 1 + listBytes);
  let at = 1;
  for (const list of lists) {
    assert(list.length <= membersPerListMax, "a configuration list has a bounded length");
    view.setUint16(at, list.length);
    at += 2;
    for (const member of list) {
      view.setBigUint64(at, member);
      at += 8;
    }
  }
  return bytes;
}

/** The configuration in `bytes`, or null if they are none or it is not valid. */
export function decodeConfiguration(bytes: Uint8Array): Configuration | null {
  return decodeChange(bytes)?.configuration ?? null;
}

/** What a configuration entry means to the state machine; null if nothing. */
export function contextOf(bytes: Uint8Array): Uint8Array | null {
  return decodeChange(bytes)?.context ?? null;
}

function decodeChange(
  bytes: Uint8Array,
): { readonly configuration: Configuration; readonly context: Uint8Array | null } | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[0];
  if (version !== versionBare && version !== versionWithContext) return null;
  const lists: MemberId[][] = [];
  let at = 1;
  for (let list = 0; list < 3; list++) {
    if (at + 2 > bytes.length) return null;
    const count = view.getUint16(at);
    at += 2;
    if (count > membersPerListMax || at + 8 * count > bytes.length) return null;
    lists.push(Array.from({ length: count }, (_, i) => MemberId(view.getBigUint64(at + 8 * i))));
    at += 8 * count;
  }
  const configuration = { voters: lists[0]!, votersOutgoing: lists[1]!, learners: lists[2]! };
  if (!isValid(configuration) || (version === versionBare && at !== bytes.length)) return null;
  return { configuration, context: version === versionBare ? null : bytes.subarray(at) };
}

/** Somebody votes; lists are sorted, without zero and without repetition; nobody is voter and learner at once. */
export function isValid(configuration: Configuration): boolean {
  const { voters, votersOutgoing, learners } = configuration;
  if (voters.length === 0) return false;
  if (![voters, votersOutgoing, learners].every(isStrictlyAscending)) return false;
  return !learners.some((learner) => voters.includes(learner) || votersOutgoing.includes(learner));
}

/**
 * Whether quorums of the two configurations always overlap, so that the second may follow the first: voters differ by at
 * most one (thesis 4.1), or the step enters a joint configuration from the present one or leaves it (thesis 4.3).
 */
export function mayFollow(from: Configuration, to: Configuration): boolean {
  if (!isValid(to)) return false;
  const fromJoint = from.votersOutgoing.length > 0;
  const toJoint = to.votersOutgoing.length > 0;
  if (fromJoint) return !toJoint ? same(from.voters, to.voters) : sameVoters(from, to);
  if (toJoint) return same(from.voters, to.votersOutgoing);
  const added = to.voters.filter((member) => !from.voters.includes(member)).length;
  const removed = from.voters.filter((member) => !to.voters.includes(member)).length;
  return added + removed <= 1;
}

/** One configuration and the index of the entry that brought it (of the snapshot, for the oldest). */
interface Dated {
  readonly index: Index;
  readonly configuration: Configuration;
}

/** All configurations that the log still holds, oldest first; the last one is in force. Follows the log's changes. */
export class ConfigurationHistory {
  #dated: Dated[];

  constructor(base: Index, configuration: Configuration) {
    this.#dated = [{ index: base, configuration }];
  }

  get inForce(): Configuration {
    return this.#dated.at(-1)!.configuration;
  }

  /** Index of the entry that brought the one in force. */
  get inForceSince(): Index {
    return this.#dated.at(-1)!.index;
  }

  /** The one that a snapshot at `index` has to carry. */
  at(index: Index): Configuration {
    const dated = this.#dated.findLast((candidate) => candidate.index <= index);
    assert(dated, "configurations older than the log are not asked for");
    return dated.configuration;
  }

  /** Takes note of appended entries. Whether the configuration in force is another one now. */
  append(entries: readonly Entry[]): boolean {
    const before = this.#dated.length;
    for (const entry of entries) {
      if (entry.type !== "configuration") continue;
      const configuration = decodeConfiguration(entry.data);
      assert(configuration, "a configuration entry in the log can be decoded");
      this.#dated.push({ index: entry.index, configuration });
    }
    return this.#dated.length !== before;
  }

  /** Follows RaftLog.truncate. Whether the configuration in force is another one now. */
  truncate(from: Index): boolean {
    const before = this.#dated.length;
    while (this.#dated.length > 1 && this.inForceSince >= from) this.#dated.pop();
    return this.#dated.length !== before;
  }

  /** Follows RaftLog.compact: only the newest one up to the new base is kept of the old ones. */
  compact(base: Index): void {
    while (this.#dated.length > 1 && this.#dated[1]!.index <= base) this.#dated.shift();
  }

  /** Follows RaftLog.reset. */
  reset(base: EntryId, configuration: Configuration): void {
    this.#dated = [{ index: base.index, configuration }];
  }
}

/** Members that `to` has and `from` had not, and the reverse. */
export function difference(
  from: Configuration,
  to: Configuration,
): { added: MemberId[]; removed: MemberId[] } {
  const before = everybody(from);
  const after = everybody(to);
  return {
    added: [...after].filter((member) => !before.has(member)),
    removed: [...before].filter((member) => !after.has(member)),
  };
}

function sorted(members: readonly MemberId[]): MemberId[] {
  return [...members].sort((left, right) => (left < right ? -1 : left > right ? 1 : 0));
}

function isStrictlyAscending(members: readonly MemberId[]): boolean {
  return members.every((member, i) => member > (members[i - 1] ?? 0n));
}

function same(left: readonly MemberId[], right: readonly MemberId[]): boolean {
  return left.length === right.length && left.every((member, i) => member === right[i]);
}

function sameVoters(left: Configuration, right: Configuration): boolean {
  return same(left.voters, right.voters) && same(left.votersOutgoing, right.votersOutgoing);
}
