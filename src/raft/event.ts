/**
 * The two alphabets of the raft core: events in, effects out. The core never waits; whatever takes time comes back as an
 * event. Every event carries `now`, the shell's monotonic clock.
 */
import type { Index, Instant, MemberId, Term } from "../base/ids.ts";
import type { Entry, EntryId, HardState, SnapshotMeta } from "./entry.ts";
import type { Message, Proposal } from "./message.ts";

export type RaftEvent = { readonly now: Instant } & (
  | { readonly type: "start" }
  /** The instant of the last `wake` effect has come. Late is fine; early only makes the core ask again. */
  | { readonly type: "wake" }
  | { readonly type: "receive"; readonly message: Message }
  | { readonly type: "propose"; readonly proposals: readonly Proposal[] }
  /** A linearizable read wants a read index; answered by `read-ready` or `read-dropped` with the same context. */
  | { readonly type: "read"; readonly context: bigint }
  /**
   * The `persist` effect with this `sequence`, and all before it, is durable: entries up to `last` (if it had any) count
   * for this member's own vote and the `send-after-persist` messages of those effects may leave.
   */
  | { readonly type: "persisted"; readonly sequence: number; readonly last: EntryId | null }
  /** The state machine has applied everything up to `index`. */
  | { readonly type: "applied"; readonly index: Index }
  /** The state machine's durable state covers `index`: the in-memory log may forget all up to `keepFrom` - 1. */
  | { readonly type: "compact"; readonly keepFrom: Index }
  /** A snapshot was received and made durable by the shell; the state machine stands at `snapshot.index`. */
  | { readonly type: "snapshot-installed"; readonly snapshot: SnapshotMeta }
  /** The shell finished, or gave up, streaming a snapshot to `to`. */
  | { readonly type: "snapshot-sent"; readonly to: MemberId; readonly index: Index; readonly ok: boolean }
  | { readonly type: "unreachable"; readonly peer: MemberId }
  | { readonly type: "transfer-leadership"; readonly to: MemberId }
);

/**
 * What the shell has to do, in order. Guarantees are in the names:
 * - `persist`: write and sync. The shell may batch consecutive ones; it answers with `persisted`.
 * - `send`: may leave at once, before any persist of the same step is durable.
 * - `send-after-persist`: promises durability; leaves only when every `persist` effect issued before it is durable.
 * - `apply`: committed entries, in order, each exactly once per process life.
 */
export type RaftEffect =
  | {
      readonly type: "persist";
      readonly sequence: number;
      readonly hardState: HardState | null;
      readonly entries: readonly Entry[];
      /** False when only `commit` moved: no sync needed. */
      readonly sync: boolean;
    }
  | { readonly type: "send"; readonly message: Message }
  | { readonly type: "send-after-persist"; readonly message: Message }
  | { readonly type: "apply"; readonly entries: readonly Entry[] }
  /** Serve reads of this context once the state machine has applied `index`. */
  | { readonly type: "read-ready"; readonly context: bigint; readonly index: Index }
  /** No leader to ask, or leadership was lost; the caller decides whether to ask again. */
  | { readonly type: "read-dropped"; readonly context: bigint }
  /** Not appended and not forwarded (no leader, transfer in progress, cap reached). May be proposed again. */
  | {
      readonly type: "proposals-dropped";
      readonly proposals: readonly Proposal[];
      readonly reason: DropReason;
    }
  /** `to` is behind the log: stream the state machine to it, then answer `snapshot-sent`. */
  | { readonly type: "send-snapshot"; readonly to: MemberId; readonly term: Term }
  /** A leader announced a snapshot that this member needs; its data arrives on a connection of its own. */
  | { readonly type: "expect-snapshot"; readonly from: MemberId; readonly snapshot: SnapshotMeta }
  /** Replaces timers: wake the core at this instant. A new one replaces the former. */
  | { readonly type: "wake"; readonly at: Instant }
  | {
      readonly type: "role-changed";
      readonly role: Role;
      readonly term: Term;
      readonly leader: MemberId | null;
    }
  | { readonly type: "trace"; readonly fact: RaftFact };

export type Role = "follower" | "pre-candidate" | "candidate" | "leader";
/** `configuration-refused`: another change is not committed yet, or quorums of old and new would not overlap. */
export type DropReason = "no-leader" | "transferring" | "uncommitted-full" | "configuration-refused";

/** Debug story line, e.g. `m2 < request-vote m1 term=2`. Rendered by test/support/story and by debug logs alike. */
export interface RaftFact {
  readonly text: string;
}
