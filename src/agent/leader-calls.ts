/**
 * Questions that only the leader answers, here or there (peer-calls.ts). All of them may be asked again, so a leader that was
 * deposed meanwhile, a lost connection or a missing leader mean: wait for the next one, until the deadline. A client never
 * hears `not leader` (etcd.md 6).
 */
import { Instant, type MemberId } from "../base/ids.ts";
import type { Clock } from "../base/ports.ts";
import { KvError, type KvErrorCode } from "../store/errors.ts";
import { decodeAnswer, type LeaderMethod } from "./peer-calls.ts";

export interface LeaderCallModules {
  readonly shell: {
    readonly leader: MemberId | null;
    onLeaderChange(listener: () => void): () => void;
  };
  /** Answers on this member, if it leads. */
  readonly answer: (method: LeaderMethod, body: Uint8Array) => Promise<Uint8Array>;
  /** Asks another member. */
  readonly call: (
    to: MemberId,
    method: string,
    payload: Uint8Array,
    signal: AbortSignal,
  ) => Promise<Uint8Array>;
  readonly timeoutError: () => KvError;
  readonly clock: Clock;
}

/** The same leader is asked again after this long. */
const againMs = 100;
/** What a member says that does not lead, or does not any more. */
const elsewhere: ReadonlySet<KvErrorCode> = new Set(["kv.not-leader", "kv.leader-changed", "kv.stopped"]);

export class LeaderCalls {
  readonly #self: MemberId;
  readonly #timeoutMs: number;
  readonly #modules: LeaderCallModules;

  constructor(options: { memberId: MemberId; timeoutMs: number }, modules: LeaderCallModules) {
    this.#self = options.memberId;
    this.#timeoutMs = options.timeoutMs;
    this.#modules = modules;
  }

  /** The answer. Rejects with KvError: a refusal, a timeout, or `kv.canceled` by `signal`. */
  async ask(method: LeaderMethod, body: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    const { shell, clock, timeoutError } = this.#modules;
    const end = Instant(clock.now() + this.#timeoutMs);
    let lost = false;
    while (clock.now() < end) {
      if (signal?.aborted) throw new KvError("kv.canceled");
      const { leader } = shell;
      let again: Instant = end;
      if (leader !== null) {
        const answer = await this.#attempt(leader, method, body, { end, signal });
        if (answer !== "elsewhere" && answer !== "lost") return answer;
        lost = answer === "lost";
        again = Instant(Math.min(end, clock.now() + againMs));
      }
      await this.#untilChange(leader, again, signal);
    }
    throw lost ? new KvError("kv.timeout-connection-lost") : timeoutError();
  }

  async #attempt(
    leader: MemberId,
    method: LeaderMethod,
    body: Uint8Array,
    limit: { end: Instant; signal: AbortSignal | undefined },
  ): Promise<Uint8Array | "elsewhere" | "lost"> {
    const { answer, call, shell, clock } = this.#modules;
    const over = new AbortController();
    const give = (): void => over.abort();
    const stopListening = shell.onLeaderChange(give);
    const timer = clock.at(limit.end, give);
    limit.signal?.addEventListener("abort", give, { once: true });
    try {
      if (leader === this.#self) return await answer(method, body);
      return decodeAnswer(await call(leader, method, body, over.signal));
    } catch (error) {
      if (limit.signal?.aborted) throw new KvError("kv.canceled", undefined, { cause: error });
      if (!(error instanceof KvError)) return "lost";
      // When this member itself stops there is nobody to ask next.
      if (!elsewhere.has(error.code) || (error.code === "kv.stopped" && leader === this.#self)) throw error;
      return "elsewhere";
    } finally {
      stopListening();
      timer.cancel();
      limit.signal?.removeEventListener("abort", give);
    }
  }

  /** Until another leader than `known` is known, or `at`, or the caller gives up. */
  #untilChange(known: MemberId | null, at: Instant, signal: AbortSignal | undefined): Promise<void> {
    const { shell, clock } = this.#modules;
    const changed = (): boolean => shell.leader !== null && shell.leader !== known;
    if (changed()) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        stopListening();
        timer.cancel();
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = clock.at(at, done);
      const stopListening = shell.onLeaderChange(() => {
        if (changed()) done();
      });
      signal?.addEventListener("abort", done, { once: true });
    });
  }
}
