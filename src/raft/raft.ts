/**
 * The state of the consensus core of one member, and how it begins. All of it changes only inside `step` (step.ts);
 * anybody may look. Raft paper figure 2, with pre-vote and check-quorum of the thesis (9.6, 6.2).
 */
import { assert } from "../base/assert.ts";
import { Index, Instant, type MemberId, type Term } from "../base/ids.ts";
import { ConfigurationHistory } from "./configuration.ts";
import type { Configuration, Entry, EntryId, HardState } from "./entry.ts";
import type { RaftEffect, Role } from "./event.ts";
import { RaftLog } from "./log.ts";
import { Persistence } from "./persistence.ts";
import type { Progress } from "./progress.ts";
import { emptyReads, type Reads } from "./reads.ts";

/** What a member starts from: who it is, what it found on its disk, and the pace. */
export interface RaftOptions {
  readonly id: MemberId;
  /** Of the snapshot that the log follows; of the first start when there is none. Entries after it may change it. */
  readonly configuration: Configuration;
  readonly hardState: HardState;
  /** What the log starts after; {0,0} when fresh. */
  readonly snapshot: EntryId;
  /** Recovered entries after `snapshot`. */
  readonly entries: readonly Entry[];
  /** The state machine stands here; between snapshot and last entry. */
  readonly applied: Index;
  /** Of the jitter of elections and of read contexts. Another one for every member and every start. */
  readonly seed: number;
  /** Time between heartbeats; spec 100. */
  readonly heartbeatMs?: number;
  /** Election timeouts are drawn from [electionMs, 2 x electionMs); spec 1000. */
  readonly electionMs?: number;
  /** Bytes of entries in one append or propose message; one entry may exceed it. */
  readonly maxAppendBytes?: number;
  /** Append messages with entries that one follower may owe an answer for. */
  readonly maxInflight?: number;
  /** Bytes of entries in them. */
  readonly maxInflightBytes?: number;
  /** Bytes of a leader's proposals that are not committed yet; beyond it proposals are dropped, unless none is pending. */
  readonly uncommittedBytesMax?: number;
  /** Reads that may wait at this member, of its own and of others; beyond it they are dropped. */
  readonly readsPendingMax?: number;
  /** Whether to emit `trace` effects (debug logs, stories). They cost strings. */
  readonly trace?: boolean;
}

/** The pace and the limits, complete. */
export type RaftLimits = Required<
  Pick<
    RaftOptions,
    | "heartbeatMs"
    | "electionMs"
    | "maxAppendBytes"
    | "maxInflight"
    | "maxInflightBytes"
    | "uncommittedBytesMax"
    | "readsPendingMax"
    | "trace"
  >
>;

const defaults: RaftLimits = {
  heartbeatMs: 100,
  electionMs: 1000,
  maxAppendBytes: 1024 * 1024,
  maxInflight: 512,
  maxInflightBytes: 16 * 1024 * 1024,
  uncommittedBytesMax: 64 * 1024 * 1024,
  readsPendingMax: 65_536,
  trace: false,
};

/** A transfer of leadership under way (thesis 3.10). */
export interface Transfer {
  readonly to: MemberId;
  /** Raft time at which it is given up. */
  readonly deadline: Instant;
}

/** One member's consensus state. Fields change only inside `step`. */
export interface Raft {
  readonly id: MemberId;
  readonly limits: RaftLimits;
  readonly log: RaftLog;
  readonly persistence: Persistence;
  readonly configurations: ConfigurationHistory;

  role: Role;
  /** Never falls. */
  term: Term;
  /** Whom this member voted for in `term`; set once per term. */
  vote: MemberId | null;
  /** Leader of `term` as far as known. */
  leader: MemberId | null;
  /** Never falls. */
  commit: Index;
  /** Entries up to here were handed out by `apply`: the smaller of committed and durable here. */
  applyIssued: Index;
  /** Entries up to here were reported `applied`. */
  applied: Index;

  /**
   * Raft time: the shell's monotonic clock less the time that this process was stalled (clock.ts). All instants below
   * are raft time.
   */
  now: Instant;
  stalledMs: number;
  /** Raft time of the last `wake` effect that has not come yet. */
  wakeAt: Instant | null;
  /** When to campaign; restarted by every sign of the leader. Not used by a leader. */
  electionDeadline: Instant;
  /** Last sign of `leader`; votes for others are refused for electionMs after it. */
  leaderHeardAt: Instant;
  /** State of the jitter generator. */
  jitter: number;

  /** Answers to the campaign under way. */
  readonly votes: Map<MemberId, boolean>;
  /** The persist that makes the own vote count; 0 when none is awaited. */
  ownVoteSequence: number;

  /** Leader only: the others. Empty in other roles. */
  readonly progress: Map<MemberId, Progress>;
  heartbeatDeadline: Instant;
  /** Bytes of this leader's proposals not committed yet. */
  uncommittedBytes: number;
  transfer: Transfer | null;
  readonly reads: Reads;

  /** Effects of the step under way, in order; empty between steps. */
  effects: RaftEffect[];
}

/** The member as it stands after reading its disk. Its first event is `start`. */
export function createRaft(options: RaftOptions): Raft {
  const { id, hardState, snapshot, applied } = options;
  const log = new RaftLog(snapshot, options.entries);
  const configurations = new ConfigurationHistory(snapshot.index, options.configuration);
  configurations.append(options.entries);
  const commit = Index(Math.max(hardState.commit, applied, snapshot.index));
  assert(id > 0n, "a member id is not zero");
  assert(applied >= snapshot.index, "the state machine is not behind the start of the log");
  assert(commit <= log.lastIndex, "what was committed and durable is in the recovered log");
  assert(hardState.term >= log.lastTerm, "the recovered term is not below that of a recovered entry");
  return {
    id,
    limits: completeLimits(options),
    log,
    persistence: new Persistence(log, hardState),
    configurations,
    role: "follower",
    term: hardState.term,
    vote: hardState.vote,
    leader: null,
    commit,
    applyIssued: applied,
    applied,
    now: Instant(Number.NEGATIVE_INFINITY),
    stalledMs: 0,
    wakeAt: null,
    electionDeadline: Instant(Number.POSITIVE_INFINITY),
    leaderHeardAt: Instant(Number.NEGATIVE_INFINITY),
    jitter: options.seed >>> 0,
    votes: new Map(),
    ownVoteSequence: 0,
    progress: new Map(),
    heartbeatDeadline: Instant(Number.POSITIVE_INFINITY),
    uncommittedBytes: 0,
    transfer: null,
    reads: emptyReads(),
    effects: [],
  };
}

/** Who counts now. */
export function configurationOf(raft: Raft): Configuration {
  return raft.configurations.inForce;
}

function completeLimits(options: RaftOptions): RaftLimits {
  const limits: RaftLimits = {
    heartbeatMs: options.heartbeatMs ?? defaults.heartbeatMs,
    electionMs: options.electionMs ?? defaults.electionMs,
    maxAppendBytes: options.maxAppendBytes ?? defaults.maxAppendBytes,
    maxInflight: options.maxInflight ?? defaults.maxInflight,
    maxInflightBytes: options.maxInflightBytes ?? defaults.maxInflightBytes,
    uncommittedBytesMax: options.uncommittedBytesMax ?? defaults.uncommittedBytesMax,
    readsPendingMax: options.readsPendingMax ?? defaults.readsPendingMax,
    trace: options.trace ?? defaults.trace,
  };
  assert(
    limits.heartbeatMs > 0 && limits.electionMs > limits.heartbeatMs,
    "heartbeats come faster than elections",
  );
  assert(limits.maxInflight > 0, "at least one append may be in flight");
  return limits;
}
