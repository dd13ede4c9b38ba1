/** From a command line to a client of the agent's API: where it is, and who asks. */
import { ApiClient, type Credentials } from "./client.ts";
import type { Arguments } from "./command.ts";
import { usageError } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

/** The variable with the password of `--user NAME`. There is no flag for it alone: a command line is everybody's to read. */
export const passwordVariable = "AGENT_PASSWORD";

/** Asks for the password if nothing says it. Throws `cli.usage`. */
export async function connect(given: Arguments, terminal: Terminal): Promise<ApiClient> {
  return new ApiClient(given.text("endpoint"), await credentialsOf(given, terminal));
}

async function credentialsOf(given: Arguments, terminal: Terminal): Promise<Credentials | null> {
  const user = given.maybe("user");
  if (user === undefined) return null;
  const colon = user.indexOf(":");
  const name = colon < 0 ? user : user.slice(0, colon);
  if (name === "") throw usageError("--user: the name is missing; give NAME or NAME:PASSWORD");
  if (colon >= 0) return { name, password: user.slice(colon + 1) };
  const password = terminal.environment[passwordVariable] || (await terminal.secret(`Password of ${name}: `));
  if (password === null) {
    throw usageError(`--user ${name}: there is no terminal to ask for the password; set ${passwordVariable}`);
  }
  return { name, password };
}
