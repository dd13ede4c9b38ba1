/**
 * Proposals of this member that wait for their entry to be applied. Each is settled exactly once: by its entry, by its
 * deadline, or by the end of the member. A proposal that found no leader is held and proposed again when there is one;
 * it was then never appended, so it still happens at most once.
 *
 * Request ids are unique across members and restarts: 16 bits of the member id, 40 bits of the start time in
 * milliseconds, 8 bits of room; counted up from there (as etcd's idutil).
 */
import type { MemberId } from "../base/ids.ts";
import type { Clock } from "../base/ports.ts";
import { KvError } from "../store/errors.ts";
import { Deadlines } from "./deadlines.ts";

/** What applying a command came to: an error, or a response (null where the command has none). */
export interface Outcome {
  readonly response?: object | null | undefined;
  readonly error?: KvError | undefined;
}

/** Bytes of proposals that wait at once, besides their number. */
const proposalBytesPendingMax = 64 << 20;

interface PendingProposal {
  readonly data: Uint8Array;
  readonly settle: (outcome: Outcome) => void;
  readonly forget: () => void;
}

export class PendingProposals {
  readonly #max: number;
  readonly #deadlines: Deadlines;
  readonly #propose: (data: Uint8Array) => void;
  readonly #timeoutError: () => KvError;
  readonly #open = new Map<bigint, PendingProposal>();
  #held = new Set<bigint>();
  #nextId: bigint;
  #bytes = 0;
  /** Proposals whose owner got an error instead of an applied entry. */
  failed = 0;

  constructor(
    options: { memberId: MemberId; proposalsPendingMax: number; timeoutMs: number },
    modules: { clock: Clock; propose: (data: Uint8Array) => void; timeoutError: () => KvError },
  ) {
    this.#max = options.proposalsPendingMax;
    this.#deadlines = new Deadlines({ lengthMs: options.timeoutMs }, { clock: modules.clock });
    this.#propose = modules.propose;
    this.#timeoutError = modules.timeoutError;
    const startMs = BigInt(Math.floor(modules.clock.wallMs()));
    this.#nextId = ((options.memberId & 0xffffn) << 48n) | ((startMs & 0xff_ffff_ffffn) << 8n);
  }

  /** Whether one more of `bytes` would be too much. */
  #isFull(bytes: number): boolean {
    return this.#open.size >= this.#max || this.#bytes + bytes > proposalBytesPendingMax;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Proposes what `encode` makes for the new request id. Resolves with the response of the applied command; rejects with
   * its KvError, `kv.too-many-requests` when full (nothing proposed), `kv.timeout` (maybe applied later) or
   * `kv.canceled` when `signal` fires (likewise).
   */
  submit<Response>(
    encode: (requestId: bigint) => Uint8Array,
    signal?: AbortSignal,
    propose: (data: Uint8Array) => void = this.#propose,
  ): Promise<Response> {
    if (signal?.aborted) return Promise.reject(new KvError("kv.canceled"));
    const requestId = this.#nextId++;
    const data = encode(requestId);
    if (this.#isFull(data.length)) return Promise.reject(new KvError("kv.too-many-requests"));
    this.#bytes += data.length;
    return new Promise((resolve, reject) => {
      const abandon = (error: KvError): void => {
        this.failed++;
        this.settle(requestId, { error });
      };
      const onAbort = (): void => abandon(new KvError("kv.canceled"));
      const forgetDeadline = this.#deadlines.add(() => abandon(this.#timeoutError()));
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#open.set(requestId, {
        data,
        settle: (outcome) => (outcome.error ? reject(outcome.error) : resolve(outcome.response as Response)),
        forget: () => {
          forgetDeadline();
          signal?.removeEventListener("abort", onAbort);
        },
      });
      propose(data);
    });
  }

  /** The entry with this request id was applied, or its owner stopped waiting. Unknown ids are somebody else's. */
  settle(requestId: bigint, outcome: Outcome): void {
    const pending = this.#open.get(requestId);
    if (!pending) return;
    this.#open.delete(requestId);
    this.#bytes -= pending.data.length;
    this.#held.delete(requestId);
    pending.forget();
    pending.settle(outcome);
  }

  /** The proposal was not appended and may be proposed again later. */
  hold(requestId: bigint): void {
    if (this.#open.has(requestId)) this.#held.add(requestId);
  }

  /** Proposes what was held, in order. */
  retryHeld(): void {
    const held = this.#held;
    this.#held = new Set();
    for (const requestId of held) {
      const pending = this.#open.get(requestId);
      if (pending) this.#propose(pending.data);
    }
  }

  /** Ends all with `kv.stopped`. */
  close(): void {
    for (const requestId of [...this.#open.keys()])
      this.settle(requestId, { error: new KvError("kv.stopped") });
    this.#deadlines.close();
  }
}
