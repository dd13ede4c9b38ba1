/** `agent status`: the cluster on one screen. */
import type { Action } from "../command.ts";
import { connectionOptions, outputOption } from "../common-options.ts";

export const status: Action = {
  name: "status",
  positionals: "",
  summary: "Show members, machines, units and subnets on one screen",
  options: { ...connectionOptions, ...outputOption },
  examples: [
    ["status", "as tables"],
    ["status -o json", "for programs"],
    ["status --endpoint http://10.0.0.2:2379", "as another agent sees it"],
  ],
  load: async () => (await import("./handler.ts")).handleStatus,
};
