/** What can go wrong with the rows on disk and with a stream of them. */
import { AgentError } from "../../base/errors.ts";

export type LevelErrorDetail =
  /** Another process has the database open. */
  | { readonly code: "level.locked"; readonly path: string }
  | { readonly code: "level.open-failed"; readonly path: string }
  /** Written by a newer release. */
  | { readonly code: "level.version"; readonly path: string; readonly version: number }
  /** Its reader was too slow, or the database was replaced. */
  | { readonly code: "level.view-closed" }
  /** A snapshot stream was cut or altered; nothing of it is used. */
  | { readonly code: "level.stream-damaged" };

/** Thrown when opening and when receiving. Failed writes are StorageError (host/wal/errors). */
export class LevelError extends AgentError<LevelErrorDetail> {
  override readonly name = "LevelError";
}
