/** `agent run`: one agent of a cluster. */
import type { Action } from "../command.ts";
import { runOptions } from "./options.ts";

export const run: Action = {
  name: "run",
  positionals: "",
  summary: "Run one agent of a cluster, in the foreground",
  options: runOptions,
  examples: [
    ["run", "a cluster of one, data in ./data, on loopback only"],
    [
      "run --name h1 --initial-cluster h1=http://10.0.0.1:2380,h2=http://10.0.0.2:2380,h3=http://10.0.0.3:2380",
      "one of three servers; the same flag on each",
    ],
    ["run --role worker --servers http://10.0.0.1:2379,http://10.0.0.2:2379", "a host without a raft member"],
    ["run --etcd-endpoints http://10.0.0.1:2379", "use an etcd cluster that runs already"],
  ],
  load: async () => (await import("./handler.ts")).handleRun,
};
