/**
 * argv -> front -> command -> exit code. The only place that ends the process.
 *
 * In the single executable there is no script: process.argv[1] repeats the executable, so the words start at 2 in both
 * worlds, and the name called by (a symbolic link's, perhaps) is process.argv0. Run from source the name is `agent`.
 */
import { basename } from "node:path";
import { isSea } from "node:sea";
import { text } from "node:stream/consumers";
import { frontFor } from "./cli/fronts.ts";
import type { Terminal } from "./cli/terminal.ts";

const terminal: Terminal = {
  out: (chunk) => void process.stdout.write(chunk),
  complain: (line) => void process.stderr.write(`${line}\n`),
  input: () => text(process.stdin),
  secret: async (prompt) => (await import("./cli/secret-prompt.ts")).askSecret(prompt),
  environment: process.env,
};

// A reader that has seen enough (`agent status | head -1`) is not a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

async function main(): Promise<number> {
  const name = isSea() ? basename(process.argv0) : "agent";
  const front = await frontFor(name)();
  return front(process.argv.slice(2), terminal);
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    // A bug: the stack is what its finder needs.
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(70);
  },
);
