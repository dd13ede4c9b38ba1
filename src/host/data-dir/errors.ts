/** Why a data directory cannot be used. */
import { AgentError } from "../../base/errors.ts";

export type DataDirErrorDetail =
  /** It holds another member, or a member of another cluster. Nothing was changed. */
  | { readonly code: "data-dir.foreign"; readonly path: string }
  /** Another process uses it. Nothing was changed. */
  | { readonly code: "data-dir.locked"; readonly path: string }
  /** Its member file is missing beside a log, or is not what we wrote. Nothing was changed. */
  | { readonly code: "data-dir.damaged"; readonly path: string }
  /** Written by a newer release. Nothing was changed. */
  | { readonly code: "data-dir.version"; readonly path: string; readonly version: number }
  /** It holds no member and the caller did not say which one to make. Nothing was changed. */
  | { readonly code: "data-dir.empty"; readonly path: string }
  /** The file system refused. */
  | { readonly code: "data-dir.unusable"; readonly path: string };

/** The message names the path and what to do. */
export class DataDirError extends AgentError<DataDirErrorDetail> {
  override readonly name = "DataDirError";
}
