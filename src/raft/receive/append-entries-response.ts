import { nameOf, trace } from "../effects.ts";
import type { AppendEntriesResponse } from "../message.ts";
import type { Progress } from "../progress.ts";
import type { Raft } from "../raft.ts";
import { advanceCommit, sendAppends } from "../replication.ts";
import { continueTransfer } from "../transfer.ts";

/** A follower answered an append: its progress, and with it perhaps the commit index, moves. */
export function receiveAppendEntriesResponse(raft: Raft, message: AppendEntriesResponse): void {
  const progress = raft.progress.get(message.from);
  if (raft.role !== "leader" || !progress) return;
  progress.heardAt = raft.now;
  if (message.success) succeeded(raft, message, progress);
  else refused(raft, message, progress);
}

function succeeded(raft: Raft, message: AppendEntriesResponse, progress: Progress): void {
  if (message.matchIndex > raft.log.lastIndex) return;
  if (!progress.succeeded(message.matchIndex, raft.log.firstIndex)) return;
  if (!advanceCommit(raft)) {
    // Whoever lags behind learns the commit index with the answer that shows it can use it.
    sendAppends(raft, message.from, progress, false);
  }
  if (raft.transfer?.to === message.from) continueTransfer(raft);
}

/** Where the follower's hint has a term that this log knows otherwise, whole terms are skipped (thesis 5.3). */
function refused(raft: Raft, message: AppendEntriesResponse, progress: Progress): void {
  const atBest = raft.log.lastNotAbove(message.hintIndex, message.hintTerm);
  if (!progress.rejected(message.rejectedIndex, atBest.index)) return;
  trace(raft, () => `${nameOf(message.from)} is probed at ${progress.next - 1}`);
  sendAppends(raft, message.from, progress, true);
}
