/** `agent version`. */
import { agentVersion } from "../../base/version.ts";
import type { Handler } from "../command.ts";

export const handleVersion: Handler = async (_given, terminal) => {
  terminal.out(`agent ${agentVersion}\n`);
  return 0;
};
