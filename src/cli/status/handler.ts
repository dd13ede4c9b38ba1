/** `agent status`. */
import type { AgentStatus } from "../../api/agent/status.ts";
import type { Handler } from "../command.ts";
import { connect } from "../connect.ts";
import { screen } from "./screen.ts";

export const handleStatus: Handler = async (given, terminal) => {
  const status = await (await connect(given, terminal)).get<AgentStatus>("/argosy/v1/status");
  terminal.out(given.text("output") === "json" ? `${JSON.stringify(status, null, 2)}\n` : screen(status));
  return 0;
};
