/** Options that several commands share. */
import type { Options } from "yargs";

/** Where the agent's API is. */
export const endpointOption: Readonly<Record<string, Options>> = {
  endpoint: {
    type: "string",
    default: "http://127.0.0.1:2379",
    describe: "client URL of any agent of the cluster",
  },
};

/** Table for people, JSON for programs. */
export const outputOption: Readonly<Record<string, Options>> = {
  output: {
    alias: "o",
    type: "string",
    choices: ["table", "json"],
    default: "table",
    describe: "form of the output",
  },
};
