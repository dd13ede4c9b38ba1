/**
 * GET /debug/vars (etcd.md section 13): process variables in the shape of Go's expvar, a JSON object with one variable to a
 * line. `raft.status` has the fields of etcd's raft library; `memstats` those of Go's that V8 has a number for.
 */

/** etcd's `raft.status`. Ids in hexadecimal, "0" for nobody. */
export interface RaftStatus {
  readonly id: string;
  readonly term: number;
  readonly vote: string;
  readonly commit: number;
  readonly lead: string;
  readonly raftState: "StateFollower" | "StatePreCandidate" | "StateCandidate" | "StateLeader";
  readonly applied: number;
  /** Of a leader: how far each member's log is known to be the same. */
  readonly progress: Readonly<Record<string, { match: number; next: number; state: string }>>;
  readonly leadtransferee: string;
}

/** `raftStatus` is null on an agent without a raft member. */
export function debugVars(raftStatus: RaftStatus | null, fileDescriptorLimit: number): string {
  const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage();
  const variables: Record<string, unknown> = {
    cmdline: process.argv,
    file_descriptor_limit: Number.isFinite(fileDescriptorLimit) ? fileDescriptorLimit : 0,
    memstats: {
      Alloc: heapUsed,
      Sys: rss,
      HeapAlloc: heapUsed,
      HeapSys: heapTotal,
      HeapIdle: heapTotal - heapUsed,
      HeapInuse: heapUsed,
      External: external,
      ArrayBuffers: arrayBuffers,
    },
  };
  if (raftStatus) variables["raft.status"] = raftStatus;
  const lines = Object.entries(variables).map(
    ([name, value]) => `${JSON.stringify(name)}: ${JSON.stringify(value)}`,
  );
  return `{\n${lines.join(",\n")}\n}\n`;
}
