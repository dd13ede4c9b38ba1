/** `agent machine`: the hosts that can run units. */
import type { Group } from "../command.ts";
import { connectionOptions, outputOption } from "../common-options.ts";

export const machine: Group = {
  name: "machine",
  summary: "The hosts that can run units",
  examples: [["machine list", "the live machines and their metadata"]],
  commands: [
    {
      name: "list",
      positionals: "",
      summary: "List the live machines",
      options: { ...connectionOptions, ...outputOption },
      examples: [
        ["machine list", "as a table"],
        ["machine list -o json", "for programs"],
      ],
      load: async () => (await import("./list.ts")).handleMachineList,
    },
  ],
};
