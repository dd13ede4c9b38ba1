/**
 * What the leader knows of one follower, and how it paces it:
 *
 *     probe --success--> replicate --reject, unreachable--> probe
 *     probe, replicate --entries needed are compacted away--> snapshot --snapshot-sent, caught up--> probe
 *
 * probe: one append in flight, to find where the logs agree. replicate: pipelined, within a window of messages and bytes.
 * snapshot: nothing is sent until the shell has streamed the state machine. Spec etcd.md 18, "flow control per follower".
 */
import { assert } from "../base/assert.ts";
import { Index, Instant } from "../base/ids.ts";
import type { Entry } from "./entry.ts";
import { entryBytes } from "./log.ts";

export type ProgressState = "probe" | "replicate" | "snapshot";

/** Window of the pipelined state. */
export interface Window {
  /** Append messages with entries, unanswered at one time. */
  readonly messagesMax: number;
  /** Bytes of entries in them; one message may always be in flight, however large. */
  readonly bytesMax: number;
}

interface InFlight {
  readonly last: Index;
  readonly bytes: number;
}

/** Progress of one follower, seen by the leader of one term. */
export class Progress {
  /** Highest index known equal and durable there. Never falls within a term. */
  match = Index(0);
  /** First index of the next append. Always above `match`. */
  next: Index;
  state: ProgressState = "probe";
  /** When it last answered anything in this term (raft time); check-quorum counts with it. */
  heardAt: Instant;
  /** Highest heartbeat round that it answered (thesis 6.4). */
  roundAnswered = 0;
  /** When an answered heartbeat last led to an append (raft time). */
  #askedAt = Instant(Number.NEGATIVE_INFINITY);
  /** In probe: an append is unanswered; wait for its answer, or for that of a heartbeat. */
  #probing = false;
  #inFlight: InFlight[] = [];
  #inFlightBytes = 0;
  readonly #window: Window;

  constructor(next: Index, heardAt: Instant, window: Window) {
    this.next = next;
    this.heardAt = heardAt;
    this.#window = window;
  }

  /** Whether an append with entries may leave now. */
  get canSend(): boolean {
    if (this.state === "probe") return !this.#probing;
    return this.state === "replicate" && !this.#isWindowFull;
  }

  /** Whether an append without entries (news of the commit index, or a question) may leave now. */
  get canSendEmpty(): boolean {
    return this.state === "replicate" || this.canSend;
  }

  get #isWindowFull(): boolean {
    return (
      this.#inFlight.length >= this.#window.messagesMax ||
      (this.#inFlight.length > 0 && this.#inFlightBytes >= this.#window.bytesMax)
    );
  }

  /** Takes note of an append that left with these entries, which start at `next`. */
  sent(entries: readonly Entry[]): void {
    assert(this.canSend || (entries.length === 0 && this.canSendEmpty), "a paused follower gets no append");
    if (this.state === "probe") this.#probing = true;
    if (this.state !== "replicate" || entries.length === 0) return;
    const last = entries.at(-1)!.index;
    const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    this.next = Index(last + 1);
    this.#inFlight.push({ last, bytes });
    this.#inFlightBytes += bytes;
  }

  /** The follower has everything up to `match`. Whether that was news, or ended a probe. */
  succeeded(match: Index, firstIndex: Index): boolean {
    const isNews = match > this.match;
    if (!isNews && !(this.state === "probe" && match === this.match)) return false;
    this.match = Index(Math.max(this.match, match));
    this.next = Index(Math.max(this.next, match + 1));
    if (this.state === "replicate") this.#free(match);
    else if (this.state === "probe" || this.match + 1 >= firstIndex) this.#enter("replicate");
    return true;
  }

  /**
   * The follower refused the append after `rejected`; the logs agree at best at `agreeAtBest`. False when that answer is
   * outdated: it belongs to an append from before the last change of `next`.
   */
  rejected(rejected: Index, agreeAtBest: Index): boolean {
    if (this.state === "replicate") {
      if (rejected <= this.match) return false;
      this.#enter("probe");
      return true;
    }
    if (this.state !== "probe" || this.next - 1 !== rejected) return false;
    this.next = Index(Math.max(Math.min(rejected, agreeAtBest + 1), this.match + 1));
    this.#probing = false;
    return true;
  }

  /**
   * A heartbeat was answered, so the follower lives; whether an append may ask now where it stands, since an unanswered one
   * may have been lost. Not more often than `everyMs`: answers come in bursts when somebody was stalled, or reads are many.
   */
  mayAsk(now: Instant, everyMs: number): boolean {
    if (now < this.#askedAt + everyMs) return false;
    this.#askedAt = now;
    this.#probing = false;
    return true;
  }

  /** Messages get lost on the way: pipelining would only lose more. */
  unreachable(): void {
    if (this.state === "replicate") this.#enter("probe");
  }

  /** The follower needs what the log has forgotten. */
  awaitSnapshot(): void {
    this.#enter("snapshot");
  }

  /** The shell streamed a snapshot at `index`, or gave up. The next append waits for a sign of life. */
  snapshotSent(index: Index, ok: boolean): void {
    if (this.state !== "snapshot") return;
    this.#enter("probe");
    if (ok) this.next = Index(Math.max(this.next, index + 1));
    this.#probing = true;
  }

  #enter(state: ProgressState): void {
    this.state = state;
    this.#probing = false;
    this.#inFlight = [];
    this.#inFlightBytes = 0;
    this.next = Index(this.match + 1);
  }

  #free(match: Index): void {
    let answered = 0;
    while (answered < this.#inFlight.length && this.#inFlight[answered]!.last <= match) {
      this.#inFlightBytes -= this.#inFlight[answered]!.bytes;
      answered += 1;
    }
    if (answered > 0) this.#inFlight.splice(0, answered);
  }
}
