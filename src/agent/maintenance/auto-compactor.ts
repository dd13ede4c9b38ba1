/** The shell of auto-compaction.ts: samples the revision by the clock, and compacts when this member leads. */
import { messageOf } from "../../base/errors.ts";
import type { Clock, Logger } from "../../base/ports.ts";
import { KvError } from "../../store/errors.ts";
import { repeat } from "../repeat.ts";
import { AutoCompaction, type AutoCompactionPolicy } from "./auto-compaction.ts";

export interface AutoCompactorModules {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly isLeader: () => boolean;
  readonly revision: () => number;
  /** Compacts by an entry of the log. */
  readonly compact: (revision: number) => Promise<unknown>;
}

/** Begins. Returns how to stop. */
export function startAutoCompactor(policy: AutoCompactionPolicy, modules: AutoCompactorModules): () => void {
  const { clock, logger, isLeader, revision } = modules;
  const decision = new AutoCompaction(policy);
  const compact = async (target: number): Promise<void> => {
    try {
      await modules.compact(target);
      logger.info({ revision: target, mode: policy.mode }, "completed auto compaction");
    } catch (error) {
      // Somebody else was faster; that serves as well.
      if (!(error instanceof KvError) || error.code !== "kv.compacted") {
        logger.warn({ revision: target, error: messageOf(error) }, "auto compaction failed, is tried again");
        return;
      }
    }
    decision.compacted(clock.now(), target);
  };
  let running = false;
  const look = (): void => {
    const target = decision.sample(clock.now(), revision());
    if (target === null || running || !isLeader()) return;
    running = true;
    void compact(target).finally(() => {
      running = false;
    });
  };
  look();
  return repeat(clock, decision.everyMs, look);
}
