/**
 * Handing over leadership (thesis 3.10): no more proposals, bring the target up to date, tell it to campaign at once. Given
 * up after one election timeout, because clients are waiting.
 */
import { Instant, type MemberId } from "../base/ids.ts";
import { address, nameOf, send, trace } from "./effects.ts";
import { configurationOf, type Raft } from "./raft.ts";
import { sendAppends } from "./replication.ts";

/** Begins a transfer to `to`, in place of one to somebody else. Does nothing unless this member leads and `to` votes. */
export function transferLeadership(raft: Raft, to: MemberId): void {
  const progress = raft.progress.get(to);
  const isPossible = raft.role === "leader" && progress && configurationOf(raft).voters.includes(to);
  if (!isPossible || raft.transfer?.to === to) {
    trace(raft, () => `transfer to ${nameOf(to)} ignored`);
    return;
  }
  trace(raft, () => `transfer to ${nameOf(to)}`);
  raft.transfer = { to, deadline: Instant(raft.now + raft.limits.electionMs) };
  sendAppends(raft, to, progress, true);
  continueTransfer(raft);
}

/** Leader: lets the target campaign as soon as it has everything. */
export function continueTransfer(raft: Raft): void {
  const { transfer } = raft;
  if (!transfer || raft.progress.get(transfer.to)?.match !== raft.log.lastIndex) return;
  send(raft, { type: "timeout-now", ...address(raft, transfer.to) });
}

/** Leader: takes proposals again. */
export function abortTransfer(raft: Raft, reason: string): void {
  trace(raft, () => `transfer given up: ${reason}`);
  raft.transfer = null;
}
