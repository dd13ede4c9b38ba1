/** Operating errors of the D-Bus client. */
import { AgentError } from "../../base/errors.ts";

export type DbusErrorDetail =
  /** No socket answers at `path`. */
  | { readonly code: "dbus.unreachable"; readonly path: string }
  /** The server did not accept us (EXTERNAL authentication failed, or it speaks something else). */
  | { readonly code: "dbus.refused"; readonly path: string }
  /** The connection ended while a call was under way: the call may or may not have been carried out. */
  | { readonly code: "dbus.closed" }
  /** The peer answered with an error message; `name` is its D-Bus error name. */
  | { readonly code: "dbus.remote"; readonly name: string }
  /** The peer sent bytes that are no D-Bus message; the connection is closed. */
  | { readonly code: "dbus.malformed" };

/** Thrown by everything in host/dbus. */
export class DbusError extends AgentError<DbusErrorDetail> {
  override readonly name = "DbusError";
}

/** The D-Bus error name that the peer answered with, or undefined for any other error. */
export function remoteErrorName(error: unknown): string | undefined {
  return error instanceof DbusError && error.detail.code === "dbus.remote" ? error.detail.name : undefined;
}
