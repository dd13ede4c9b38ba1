/**
 * Maintenance.Defragment (etcd.md 8.5): level merges its files in a thread of its own, so reads and writes go on. One at a time;
 * who asks meanwhile gets the answer of the one under way.
 */
import type { Logger } from "../../base/ports.ts";
import type { AdminHandlers } from "../../store/admin.ts";
import { DefragmentResponse } from "../../store/wire/admin-messages.ts";

export interface DefragmentModules {
  readonly compactFiles: () => Promise<void>;
  /** True while it runs: health and metrics want to know. */
  readonly running?: (running: boolean) => void;
  readonly logger: Logger;
}

export function defragmentHandler(modules: DefragmentModules): Pick<AdminHandlers, "Defragment"> {
  let running: Promise<void> | null = null;
  const run = async (): Promise<void> => {
    modules.running?.(true);
    try {
      await modules.compactFiles();
      modules.logger.info({}, "finished defragmenting");
    } finally {
      running = null;
      modules.running?.(false);
    }
  };
  return {
    Defragment: async () => {
      running ??= run();
      await running;
      return DefragmentResponse.create();
    },
  };
}
