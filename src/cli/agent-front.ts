/** The front `agent`: the tree of its commands, and how a command's outcome becomes an exit code. */
import { AgentError } from "../base/errors.ts";
import type { Command, Group } from "./command.ts";
import type { Front } from "./fronts.ts";
import { machine } from "./machine/index.ts";
import { net } from "./net/index.ts";
import { parse } from "./parse.ts";
import { run } from "./run/index.ts";
import { status } from "./status/index.ts";
import type { Terminal } from "./terminal.ts";
import { unit } from "./unit/index.ts";
import { version } from "./version/index.ts";

const commands: readonly Command[] = [run, status, unit, machine, net, version];

/** The whole command line. */
export const agentCommands: Group = {
  name: "agent",
  summary: "A cluster in one file: key-value store, unit scheduler and overlay network.",
  examples: [
    ["run", "start one agent here, alone, on loopback"],
    ["status", "see members, machines, units and subnets"],
    ["unit start hello.service", "run a unit somewhere in the cluster"],
    ["help unit start", "how to use one command"],
  ],
  commands,
};

/** Exit codes: 0 done, 1 could not be done, 2 the command line is wrong. */
export const agentFront: Front = async (words, terminal) => {
  try {
    const parsed = await parse(agentCommands, asHelp(words), terminal.environment);
    if (parsed.type === "help") {
      terminal.out(parsed.text);
      return 0;
    }
    const handle = await parsed.action.load();
    return await handle(parsed.given, terminal);
  } catch (error) {
    return explain(error, terminal);
  }
};

/** `help unit start` is `unit start --help`; nothing at all is `--help`; `--version` is `version`. */
function asHelp(words: readonly string[]): readonly string[] {
  if (words.length === 0) return ["--help"];
  if (words.length === 1 && ["--version", "-v", "-V"].includes(words[0]!)) return ["version"];
  return words[0] === "help" ? [...words.slice(1), "--help"] : words;
}

/** One line for an operating error. A bug is thrown on, to die with its stack. */
function explain(error: unknown, terminal: Terminal): number {
  if (!(error instanceof AgentError)) throw error;
  const wrongLine = error.code === "cli.usage" || error.code === "config.invalid";
  terminal.complain(error.message.startsWith("agent") ? error.message : `agent: ${error.message}`);
  return wrongLine ? 2 : 1;
}
