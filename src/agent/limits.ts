/** The flags that limit requests and the database (etcd.md 8.2, 15.1). */
import { ConfigError, integer, type RunFlags, type StoreConfig } from "./config.ts";

export interface LimitsConfig {
  /** A proposal may be so large, encoded. The port takes `receiveSlackBytes` more, so that the answer is ours and not gRPC's. */
  readonly requestBytesMax: number;
  /** Compares, and operations of a branch, of a txn. */
  readonly txnOperationsMax: number;
  /** Writes are refused, and an alarm raised, when the database takes so much; infinity: never. */
  readonly quotaBytes: number;
}

/** Difference between what the port receives and what may be proposed (etcd.md section 1). */
export const receiveSlackBytes: number = 512 * 1024;

const quotaFlag = "quota-backend-bytes";
const defaultQuotaBytes = 2 * 2 ** 30;
/** A proposal crosses the wire between members in one frame of at most 64 MiB. */
const requestBytesCeiling = 32 * 2 ** 20;

/** Throws ConfigError. */
export function parseLimits(flags: RunFlags): LimitsConfig {
  return {
    requestBytesMax: integer(flags, "max-request-bytes", 1_572_864, { min: 1, max: requestBytesCeiling }),
    txnOperationsMax: integer(flags, "max-txn-ops", 128, { min: 1, max: 1_000_000 }),
    quotaBytes: parseQuota(flags[quotaFlag] ?? "0"),
  };
}

function parseQuota(text: string): number {
  const bytes = Number(text);
  if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(bytes))
    throw new ConfigError(quotaFlag, `"${text}" is not a number of bytes; 0 is 2 GiB, -1 is no quota`);
  if (bytes === 0) return defaultQuotaBytes;
  return bytes < 0 ? Number.POSITIVE_INFINITY : bytes;
}

/** What the client port takes in one message: a worker does not know the servers' limit, and keeps to the usual one. */
export function receiveLimit({ store }: { readonly store: StoreConfig }): {
  readonly receiveBytesMax?: number;
} {
  if (store.type !== "member") return {};
  return { receiveBytesMax: store.server.limits.requestBytesMax + receiveSlackBytes };
}

/** What level (1,000 files at most), the log, the peers and the rest of the agent need besides the clients' connections. */
const ownFilesMax = 1200;

/** Connections of clients that leave the agent the files it needs; half of what there is, where that is little. */
export function connectionsMax(openFilesMax: number): number {
  return openFilesMax - Math.min(ownFilesMax, Math.ceil(openFilesMax / 2));
}
