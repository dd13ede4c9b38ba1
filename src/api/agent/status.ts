/**
 * The cluster as `GET /argosy/v1/status` describes it: what one agent knows, on one screen. 64-bit ids are hexadecimal
 * text, since JSON numbers lose their low bits. agent/ fills it in through `StatusSource`.
 */
export interface AgentStatus {
  readonly self: {
    readonly name: string;
    /** Hexadecimal; empty for an agent without a raft member. */
    readonly memberId: string;
    readonly role: "server" | "worker";
    readonly version: string;
  };
  readonly cluster: {
    readonly id: string;
    /** Member id of the leader; null while there is none, or none is known. */
    readonly leader: string | null;
    readonly term: number;
    readonly raftIndex: number;
    readonly revision: number;
  };
  readonly members: readonly MemberStatus[];
  readonly machines: readonly MachineStatus[];
  readonly units: readonly UnitStatus[];
  readonly subnets: readonly SubnetStatus[];
  /** What does not work here now, one line each: "units are off: no systemd". */
  readonly problems: readonly string[];
}

export interface MemberStatus {
  readonly id: string;
  /** Empty while the member has not published itself. */
  readonly name: string;
  readonly peerURLs: readonly string[];
  readonly clientURLs: readonly string[];
  readonly isLearner: boolean;
  readonly leader: boolean;
  /** As this agent sees it; null where it does not look (a follower of another follower). */
  readonly reachable: boolean | null;
}

export interface MachineStatus {
  readonly id: string;
  readonly name: string;
  readonly ip: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly state: "live" | "suspect" | "gone";
  /** Milliseconds since its last report. */
  readonly lastReportMs: number;
  /** How many units are assigned to it. */
  readonly units: number;
}

export interface UnitStatus {
  readonly name: string;
  readonly desired: string;
  readonly current: string;
  /** Machine id; empty while unassigned. */
  readonly machine: string;
  readonly active: string;
  readonly sub: string;
}

export interface SubnetStatus {
  readonly subnet: string;
  readonly publicIp: string;
  readonly backend: string;
  /** Whether it is this host's own. */
  readonly self: boolean;
}

/** Where the status comes from. Rejects with AgentError only when nothing at all can be said. */
export interface StatusSource {
  status(signal: AbortSignal): Promise<AgentStatus>;
}
