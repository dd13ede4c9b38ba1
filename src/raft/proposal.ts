/**
 * Proposals: the leader appends them, a follower passes them on, and whoever can do neither gives them back. At most once:
 * a proposal that was passed on and lost is the proposer's timeout.
 */

import type { MemberId } from "../base/ids.ts";
import { decodeConfiguration, mayFollow } from "./configuration.ts";
import { address, send, trace } from "./effects.ts";
import type { DropReason } from "./event.ts";
import { entryBytes, fitting } from "./log.ts";
import type { Proposal } from "./message.ts";
import { configurationOf, type Raft } from "./raft.ts";
import { appendOwn, broadcastAppend } from "./replication.ts";

/** Proposals of this member's own clients. */
export function propose(raft: Raft, proposals: readonly Proposal[]): void {
  if (raft.role === "leader") {
    for (const { reason, dropped } of appendProposals(raft, proposals)) {
      raft.effects.push({ type: "proposals-dropped", proposals: dropped, reason });
    }
  } else if (raft.leader === null) {
    raft.effects.push({ type: "proposals-dropped", proposals, reason: "no-leader" });
  } else {
    forward(raft, raft.leader, proposals);
  }
}

/** One message holds as much as an append: a turn's proposals together may be larger than the transport takes. */
function forward(raft: Raft, leader: MemberId, proposals: readonly Proposal[]): void {
  for (let start = 0; start < proposals.length; ) {
    const end = fitting(proposals, start, raft.limits.maxAppendBytes);
    send(raft, { type: "propose", ...address(raft, leader), entries: proposals.slice(start, end) });
    start = end;
  }
}

/** What was not taken of a batch, and why. */
export interface Dropped {
  readonly reason: DropReason;
  readonly dropped: readonly Proposal[];
}

/** Leader: appends what it may, as one batch and so as one append message per follower, and returns the rest. */
export function appendProposals(raft: Raft, proposals: readonly Proposal[]): Dropped[] {
  if (raft.transfer) return [{ reason: "transferring", dropped: proposals }];
  const taken: Proposal[] = [];
  const dropped = new Map<DropReason, Proposal[]>();
  let bytes = raft.uncommittedBytes;
  let changes = 0;
  for (const proposal of proposals) {
    const isChange = proposal.type === "configuration";
    const reason = reasonToDrop(raft, proposal, bytes, changes);
    if (reason === null) {
      taken.push(proposal);
      bytes += entryBytes(proposal);
      if (isChange) changes += 1;
    } else {
      trace(raft, () => `proposal refused: ${reason}`);
      dropped.set(reason, [...(dropped.get(reason) ?? []), proposal]);
    }
  }
  if (taken.length > 0) {
    appendOwn(raft, taken);
    broadcastAppend(raft);
  }
  return [...dropped].map(([reason, rest]) => ({ reason, dropped: rest }));
}

function reasonToDrop(raft: Raft, proposal: Proposal, bytes: number, changes: number): DropReason | null {
  if (bytes > 0 && bytes + entryBytes(proposal) > raft.limits.uncommittedBytesMax) return "uncommitted-full";
  if (proposal.type === "configuration" && (changes > 0 || !mayChange(raft, proposal.data))) {
    return "configuration-refused";
  }
  return null;
}

/**
 * A change may begin when the last one is committed, and an entry of the own term too: without the latter two leaders
 * could each use a configuration that the other does not know (Ongaro's correction to thesis 4.1, raft-dev 2015).
 */
function mayChange(raft: Raft, data: Uint8Array): boolean {
  const isSettled = raft.configurations.inForceSince <= raft.commit;
  const hasOwn = raft.log.termAt(raft.commit) === raft.term;
  const next = decodeConfiguration(data);
  return isSettled && hasOwn && next !== null && mayFollow(configurationOf(raft), next);
}
