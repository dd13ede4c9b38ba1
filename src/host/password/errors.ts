/** What can go wrong with a password job. None of it says anything about the password. */
import { AgentError } from "../../base/errors.ts";

export type PasswordErrorDetail =
  /** Too many wait already; nothing was begun. */
  | { readonly code: "password.busy" }
  /** The thread ended, or the agent stops. */
  | { readonly code: "password.stopped" }
  /** bcrypt does not take this input: a hash that is none. */
  | { readonly code: "password.refused" };

export class PasswordError extends AgentError<PasswordErrorDetail> {
  override readonly name = "PasswordError";
}
