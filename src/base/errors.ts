/**
 * Operating errors: things that happen to correct code (a full disk, a refused connection, a bad file). Each module
 * declares a closed union of details, distinguished by `code`, in its own `errors.ts`; catch by code, never by text.
 */

/** What every detail has: a code such as `storage.corrupt`, unique in the program. */
export interface ErrorDetail {
  readonly code: string;
}

/** An operating error. `detail` holds the code and the data that belongs to it; `message` is one line for a person. */
export class AgentError<Detail extends ErrorDetail = ErrorDetail> extends Error {
  override readonly name: string = "AgentError";
  readonly detail: Detail;

  constructor(message: string, detail: Detail, options?: { cause?: unknown }) {
    super(message, options);
    this.detail = detail;
  }

  get code(): Detail["code"] {
    return this.detail.code;
  }
}

/** The `errno` name (ENOENT, EADDRINUSE ...) of an error thrown by Node, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** One line about any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
