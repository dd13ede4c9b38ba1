/** The MoveLeader rpc (etcd.md 8.7): asks raft to hand leadership over and waits until the new leader is known. */
import { Instant, MemberId } from "../../base/ids.ts";
import type { Clock } from "../../base/ports.ts";
import { KvError } from "../../store/errors.ts";

export interface MoveLeaderModules {
  readonly self: MemberId;
  readonly clock: Clock;
  /** Whether the member exists, and whether it votes. */
  readonly isVoter: (member: MemberId) => boolean;
  readonly leader: () => MemberId | null;
  /** Begins the transfer; nothing comes of it if it cannot be. */
  readonly transfer: (to: MemberId) => void;
  /** Calls back at every change of the known leader. Returns how to stop that. */
  readonly onLeaderChange: (listener: () => void) => () => void;
}

/** Resolves when `target` leads. Throws `kv.not-leader`, `kv.bad-leader-transferee`, `kv.timeout-leader-transfer` or `kv.canceled`. */
export function moveLeader(
  options: { readonly target: bigint; readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
  modules: MoveLeaderModules,
): Promise<void> {
  const { self, clock, leader } = modules;
  const target = MemberId(options.target);
  if (leader() !== self) throw new KvError("kv.not-leader");
  if (!modules.isVoter(target)) throw new KvError("kv.bad-leader-transferee");
  if (target === self) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const end = (error: KvError | null): void => {
      timer.cancel();
      stop();
      options.signal?.removeEventListener("abort", onAbort);
      if (error) reject(error);
      else resolve();
    };
    const onAbort = (): void => end(new KvError("kv.canceled"));
    const timer = clock.at(Instant(clock.now() + options.timeoutMs), () =>
      end(new KvError("kv.timeout-leader-transfer")),
    );
    const stop = modules.onLeaderChange(() => {
      if (leader() === target) end(null);
    });
    if (options.signal?.aborted) return onAbort();
    options.signal?.addEventListener("abort", onAbort, { once: true });
    modules.transfer(target);
  });
}
