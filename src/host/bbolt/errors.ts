/** What can be wrong with a bbolt database file. */
import { AgentError } from "../../base/errors.ts";

/** Nothing that was read from the file before it should be kept. */
export class BboltError extends AgentError<{ code: "bbolt.damaged" }> {
  override readonly name = "BboltError";
  constructor(problem: string) {
    super(`the database file is damaged: ${problem}`, { code: "bbolt.damaged" });
  }
}
