/** `agent run`: flags -> configuration -> the agent, until it ends. */
import { runAgent } from "../../agent/agent.ts";
import { parseConfig } from "../../agent/config.ts";
import type { Handler } from "../command.ts";
import { runOptions } from "./options.ts";

/** Throws ConfigError for a flag that cannot stand, before anything on the machine is touched. */
export const handleRun: Handler = async (given) => {
  const flags = Object.fromEntries(Object.keys(runOptions).map((flag) => [flag, given.maybe(flag)]));
  return runAgent(parseConfig(flags));
};
