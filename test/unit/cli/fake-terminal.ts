/** A terminal that remembers. */
import { agentFront } from "../../../src/cli/agent-front.ts";
import type { Front } from "../../../src/cli/fronts.ts";
import type { Terminal } from "../../../src/cli/terminal.ts";

export interface Seen {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command line (split at blanks, or given as words) and returns all that a user would see. */
export async function call(
  line: string | readonly string[],
  environment: Terminal["environment"] = {},
  {
    front = agentFront,
    input = "",
    secret = null,
  }: { front?: Front; input?: string; secret?: string | null } = {},
): Promise<Seen> {
  const out: string[] = [];
  const err: string[] = [];
  const terminal: Terminal = {
    out: (text) => void out.push(text),
    complain: (text) => void err.push(`${text}\n`),
    input: async () => input,
    async secret(prompt) {
      err.push(prompt);
      return secret;
    },
    environment,
  };
  const words = typeof line === "string" ? line.split(" ").filter((word) => word !== "") : line;
  const code = await front(words, terminal);
  return { code, out: out.join(""), err: err.join("") };
}
