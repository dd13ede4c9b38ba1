/** `agent net`: the overlay network. */
import type { Group } from "../command.ts";
import { connectionOptions, outputOption } from "../common-options.ts";

const config: Group = {
  name: "config",
  summary: "The network's configuration, which all hosts share",
  examples: [["net config get", "print it"]],
  commands: [
    {
      name: "get",
      positionals: "",
      summary: "Print the network configuration",
      options: connectionOptions,
      examples: [["net config get", "the stored JSON"]],
      load: async () => (await import("./config.ts")).handleConfigGet,
    },
    {
      name: "set",
      positionals: "<json>",
      summary: "Check and store the network configuration; - reads it from standard input",
      options: connectionOptions,
      examples: [
        [`net config set '{"Network":"10.5.0.0/16"}'`, "VXLAN, a /24 for each host"],
        ["net config set - < network.json", "from a file"],
      ],
      load: async () => (await import("./config.ts")).handleConfigSet,
    },
  ],
};

export const net: Group = {
  name: "net",
  summary: "The overlay network",
  examples: [["net status", "which host holds which subnet"]],
  commands: [
    {
      name: "status",
      positionals: "",
      summary: "Show which host holds which subnet",
      options: { ...connectionOptions, ...outputOption },
      examples: [["net status -o json", "for programs"]],
      load: async () => (await import("./status.ts")).handleNetStatus,
    },
    config,
  ],
};
