/**
 * The leader's side of the log: appending, sending, committing (Raft paper 5.3, 5.4.2). Appends leave while the own disk
 * is still writing (thesis 10.2.1); an entry counts for the leader itself only when it is durable there.
 */
import { assert } from "../base/assert.ts";
import { Index, Instant, type MemberId } from "../base/ids.ts";
import { address, nameOf, send, trace } from "./effects.ts";
import type { Entry } from "./entry.ts";
import { entryBytes } from "./log.ts";
import { Progress } from "./progress.ts";
import { agreed, everybody } from "./quorum.ts";
import { configurationOf, type Raft } from "./raft.ts";

/** Leader: a follower of whom nothing is known yet. Assumed up to date; its first answer corrects that. */
export function newProgress(raft: Raft): Progress {
  const { maxInflight: messagesMax, maxInflightBytes: bytesMax } = raft.limits;
  return new Progress(Index(raft.log.lastIndex + 1), raft.now, { messagesMax, bytesMax });
}

/** Leader: appends entries of its term to its own log. */
export function appendOwn(raft: Raft, bodies: readonly Pick<Entry, "type" | "data">[]): void {
  const from = raft.log.lastIndex + 1;
  const { term } = raft;
  const entries = bodies.map(({ type, data }, i): Entry => ({ index: Index(from + i), term, type, data }));
  raft.log.append(entries);
  raft.uncommittedBytes += proposalBytes(entries);
  if (raft.configurations.append(entries)) followConfiguration(raft);
}

/** Leader: sends to everybody what they lack. */
export function broadcastAppend(raft: Raft): void {
  for (const [to, progress] of raft.progress) sendAppends(raft, to, progress, false);
}

/** Leader: sends as many appends as the follower's window allows; at least one, if `evenEmpty` and it may be sent at all. */
export function sendAppends(raft: Raft, to: MemberId, progress: Progress, evenEmpty: boolean): void {
  let isFirst = true;
  while (sendAppend(raft, to, progress, evenEmpty && isFirst)) isFirst = false;
}

/** Leader: one heartbeat to everybody, with the newest read round. */
export function broadcastHeartbeat(raft: Raft): void {
  const round = raft.reads.rounds.at(-1)?.number ?? 0;
  for (const [to, progress] of raft.progress) {
    // Not beyond `match`: what the follower has after it may be another leader's.
    const commit = Index(Math.min(progress.match, raft.commit));
    send(raft, { type: "heartbeat", ...address(raft, to), commit, round });
  }
  raft.heartbeatDeadline = Instant(raft.now + raft.limits.heartbeatMs);
}

/**
 * Leader: commits what a quorum has, if it is of the own term; earlier entries come along with it (paper 5.4.2, figure 8).
 * Tells the followers at once, so that reads and watches there do not wait for the next entry or heartbeat.
 */
export function advanceCommit(raft: Raft): boolean {
  const { log, progress, persistence } = raft;
  const reached = agreed(configurationOf(raft), (member) =>
    member === raft.id ? persistence.durable : (progress.get(member)?.match ?? 0),
  );
  if (reached <= raft.commit || log.termAt(Index(reached)) !== raft.term) return false;
  const committed = log.range(Index(raft.commit + 1), Index(reached));
  raft.uncommittedBytes = Math.max(0, raft.uncommittedBytes - proposalBytes(committed));
  raft.commit = Index(reached);
  trace(raft, () => `commit=${reached}`);
  for (const [to, follower] of progress) sendAppends(raft, to, follower, true);
  return true;
}

/** Anybody: learns that entries up to `index` are committed. */
export function commitTo(raft: Raft, index: Index): void {
  if (index <= raft.commit) return;
  assert(index <= raft.log.lastIndex, "what a leader says is committed here is in the log");
  raft.commit = index;
}

/** Anybody: removes entries from `from` on, which another leader's replace. */
export function truncateLog(raft: Raft, from: Index): void {
  assert(from > raft.commit, "a committed entry is never replaced");
  raft.log.truncate(from);
  raft.persistence.truncate(from);
  raft.configurations.truncate(from);
}

/** Bytes that count for the cap of uncommitted proposals; the leader's own empty entry is none. */
function proposalBytes(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => (entry.type === "empty" ? sum : sum + entryBytes(entry)), 0);
}

/** One append, if there is something to say and the follower may be sent to. Whether entries left. */
function sendAppend(raft: Raft, to: MemberId, progress: Progress, evenEmpty: boolean): boolean {
  const { log } = raft;
  const mayCarry = progress.canSend;
  if (!mayCarry && !(evenEmpty && progress.canSendEmpty)) return false;
  const previousIndex = Index(progress.next - 1);
  const previousTerm = log.termAt(previousIndex);
  if (previousTerm === null) {
    askForSnapshot(raft, to, progress);
    return false;
  }
  const hasNews = progress.next <= log.lastIndex;
  const entries = mayCarry && hasNews ? log.slice(progress.next, raft.limits.maxAppendBytes) : [];
  if (entries.length === 0 && !evenEmpty) return false;
  const { commit } = raft;
  send(raft, { type: "append-entries", ...address(raft, to), previousIndex, previousTerm, entries, commit });
  progress.sent(entries);
  return entries.length > 0;
}

/** The log no longer reaches back to where the follower is (paper 7). Not for one that is silent: it would get nothing. */
function askForSnapshot(raft: Raft, to: MemberId, progress: Progress): void {
  if (raft.now > progress.heardAt + raft.limits.electionMs) return;
  trace(raft, () => `${nameOf(to)} needs ${progress.next}, log begins at ${raft.log.firstIndex} -> snapshot`);
  progress.awaitSnapshot();
  raft.effects.push({ type: "send-snapshot", to, term: raft.term });
}

/** Leader: begins to replicate to new members and forgets removed ones. */
function followConfiguration(raft: Raft): void {
  const members = everybody(configurationOf(raft));
  for (const member of raft.progress.keys()) if (!members.has(member)) raft.progress.delete(member);
  for (const member of members) {
    if (member !== raft.id && !raft.progress.has(member)) raft.progress.set(member, newProgress(raft));
  }
}
