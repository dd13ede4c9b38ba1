/** `agent version`. */
import type { Action } from "../command.ts";

export const version: Action = {
  name: "version",
  positionals: "",
  summary: "Print the version",
  options: {},
  examples: [["version", "which agent is this?"]],
  load: async () => (await import("./handler.ts")).handleVersion,
};
