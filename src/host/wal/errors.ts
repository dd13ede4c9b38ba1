/** What can go wrong with the write-ahead log on disk. */
import { AgentError } from "../../base/errors.ts";

export type WalErrorDetail =
  /** Bytes that were once durable are not what was written, or are missing. Nothing was changed. */
  | { readonly code: "wal.corrupt"; readonly path: string; readonly offset: number }
  /** There is no log where there was one. Nothing was changed. */
  | { readonly code: "wal.missing"; readonly path: string }
  /** The log belongs to another cluster or member. Nothing was changed. */
  | { readonly code: "wal.foreign"; readonly path: string }
  /** Written by a newer release. Nothing was changed. */
  | { readonly code: "wal.version"; readonly path: string; readonly version: number };

/** Thrown by `Wal.open` only. The message says which file, where, and what to do. */
export class WalError extends AgentError<WalErrorDetail> {
  override readonly name = "WalError";
}

export type StorageErrorDetail =
  | { readonly code: "storage.write-failed"; readonly path: string }
  | { readonly code: "storage.read-failed"; readonly path: string }
  | { readonly code: "storage.closed"; readonly path: string };

/**
 * The disk refused. What was being written may be there in part; the object that threw refuses all later writes, because
 * after a failed sync the kernel may have dropped the pages and a second sync would succeed without them. The member has
 * to stop.
 */
export class StorageError extends AgentError<StorageErrorDetail> {
  override readonly name = "StorageError";
}
