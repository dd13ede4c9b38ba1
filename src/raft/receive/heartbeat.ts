import { assert } from "../../base/assert.ts";
import { address, send } from "../effects.ts";
import { heardLeader } from "../election.ts";
import type { Heartbeat } from "../message.ts";
import type { Raft } from "../raft.ts";
import { commitTo } from "../replication.ts";

/**
 * The leader lives. The answer confirms a read round: "no vote of mine has gone to a later term". It does not wait for the
 * disk, because that is true already: votes for a later term leave only when durable, so even a crash cannot take one back.
 */
export function receiveHeartbeat(raft: Raft, message: Heartbeat): void {
  assert(raft.role !== "leader", "a term has one leader");
  heardLeader(raft, message.from);
  commitTo(raft, message.commit);
  send(raft, { type: "heartbeat-response", ...address(raft, message.from), round: message.round });
}
