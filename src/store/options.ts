/** Limits of the store, with etcd's defaults where it has them (etcd.md 15.1). */
import type { CheckOptions } from "./check.ts";
import type { RecentOptions } from "./mvcc/recent.ts";
import type { WatchOptions } from "./watch/hub.ts";

export interface StoreOptions extends CheckOptions, RecentOptions, WatchOptions {
  /** Smaller TTLs are raised to it: a lease must outlive an election (etcd.md 6). */
  readonly leaseMinTtlSeconds: number;
}

/**
 * Recent past: 16 MiB covers some seconds of heavy writing, and an idle member keeps next to nothing. Fragments: the largest
 * request plus 512 KiB, as in etcd.
 */
export const defaultStoreOptions: StoreOptions = {
  txnOperationsMax: 128,
  leaseMinTtlSeconds: 2,
  recentBytesMax: 16 * 1024 * 1024,
  recentRevisionsMax: 16_384,
  watchAnswersPendingMax: 4096,
  watchFragmentBytes: 1_572_864 + 512 * 1024,
  watchCatchUpRevisionsMax: 1000,
};
