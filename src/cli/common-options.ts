/** Options that several commands share. */
import type { Options } from "yargs";

/** Where the agent's API is, and who asks (connect.ts). */
export const connectionOptions: Readonly<Record<string, Options>> = {
  endpoint: {
    type: "string",
    default: "http://127.0.0.1:2379",
    describe: "client URL of any agent of the cluster",
  },
  user: {
    type: "string",
    describe:
      "where auth is on: NAME, whose password is in $AGENT_PASSWORD or is asked for, or NAME:PASSWORD",
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
