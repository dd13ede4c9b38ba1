/** One command for several units: each is tried, each failure is one line, one failure makes the command fail. */
import { AgentError } from "../../base/errors.ts";
import type { Terminal } from "../terminal.ts";

/**
 * Gives the exit code. All items are worked on at the same time, since most of it is waiting; `work` gives the line to
 * print, and the lines come in the order of the items, each as soon as those before it are out.
 */
export async function each<Item>(
  items: readonly Item[],
  terminal: Terminal,
  work: (item: Item) => Promise<string>,
): Promise<number> {
  const outcomes = items.map((item) =>
    work(item).then(
      (line) => ({ line }),
      (error: unknown) => ({ error }),
    ),
  );
  let code = 0;
  for (const pending of outcomes) {
    const outcome = await pending;
    if ("line" in outcome) terminal.out(`${outcome.line}\n`);
    else if (outcome.error instanceof AgentError) {
      terminal.complain(`agent: ${outcome.error.message}`);
      code = 1;
    } else throw outcome.error;
  }
  return code;
}
