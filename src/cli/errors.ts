/** What a command can fail with. The message is the one line that the user reads; the code decides the exit code. */
import { AgentError } from "../base/errors.ts";

export type CliErrorDetail =
  /** The command line cannot be understood. Exit code 2; nothing was sent. */
  | { readonly code: "cli.usage" }
  /** No answer from the endpoint. A change that was sent may or may not have happened. */
  | { readonly code: "cli.unreachable"; readonly endpoint: string }
  /** The agent answered with an error. */
  | { readonly code: "cli.refused"; readonly status: number }
  /** Something answered that is not an agent. */
  | { readonly code: "cli.not-an-agent"; readonly endpoint: string }
  /** A local file cannot be used. Nothing was sent. */
  | { readonly code: "cli.file"; readonly path: string }
  /** What was asked for did not come about. */
  | { readonly code: "cli.failed" };

export class CliError extends AgentError<CliErrorDetail> {
  override readonly name = "CliError";
}

/** A command line that cannot be understood. */
export function usageError(message: string): CliError {
  return new CliError(message, { code: "cli.usage" });
}

/** Something asked for that did not come about. */
export function failure(message: string): CliError {
  return new CliError(message, { code: "cli.failed" });
}
