/** Operating errors of the remote client's configuration; what calls throw is KvError. */
import { AgentError } from "../../base/errors.ts";

/** An endpoint that this client cannot use. The message is for the operator who wrote it. */
export class RemoteKvError extends AgentError<{ code: "kv-remote.bad-endpoint"; endpoint: string }> {
  override readonly name = "RemoteKvError";
  constructor(endpoint: string, why: string) {
    super(`endpoint "${endpoint}": ${why}`, { code: "kv-remote.bad-endpoint", endpoint });
  }
}
