/** This member's raft state as etcd shows it in /debug/vars. */
import type { RaftStatus } from "../../api/ops/debug-vars.ts";
import { hex } from "../../base/ids.ts";
import type { Role } from "../../raft/event.ts";
import type { ProgressState } from "../../raft/progress.ts";
import type { Raft } from "../../raft/raft.ts";

const roleNames: Readonly<Record<Role, RaftStatus["raftState"]>> = {
  follower: "StateFollower",
  "pre-candidate": "StatePreCandidate",
  candidate: "StateCandidate",
  leader: "StateLeader",
};
const progressNames: Readonly<Record<ProgressState, string>> = {
  probe: "StateProbe",
  replicate: "StateReplicate",
  snapshot: "StateSnapshot",
};

export function raftStatus(raft: Raft): RaftStatus {
  const progress: Record<string, { match: number; next: number; state: string }> = {};
  if (raft.role === "leader") {
    const { lastIndex } = raft.log;
    progress[hex(raft.id)] = { match: lastIndex, next: lastIndex + 1, state: progressNames.replicate };
    for (const [member, { match, next, state }] of raft.progress)
      progress[hex(member)] = { match, next, state: progressNames[state] };
  }
  return {
    id: hex(raft.id),
    term: raft.term,
    vote: hex(raft.vote ?? 0n),
    commit: raft.commit,
    lead: hex(raft.leader ?? 0n),
    raftState: roleNames[raft.role],
    applied: raft.applied,
    progress,
    leadtransferee: hex(raft.transfer?.to ?? 0n),
  };
}
