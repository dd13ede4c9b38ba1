/** `agent net status`. */
import type { AgentStatus } from "../../api/agent/status.ts";
import type { Handler } from "../command.ts";
import { connect } from "../connect.ts";
import { subnetTable } from "../status/screen.ts";

export const handleNetStatus: Handler = async (given, terminal) => {
  const { subnets } = await (await connect(given, terminal)).get<AgentStatus>("/argosy/v1/status");
  terminal.out(
    given.text("output") === "json" ? `${JSON.stringify(subnets, null, 2)}\n` : subnetTable(subnets),
  );
  return 0;
};
