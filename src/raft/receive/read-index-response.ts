import type { ReadIndexResponse } from "../message.ts";
import type { Raft } from "../raft.ts";
import { forwardedAnswered } from "../read-index.ts";

/** The leader answered a read that this member passed on. */
export function receiveReadIndexResponse(raft: Raft, message: ReadIndexResponse): void {
  forwardedAnswered(raft, message.context, message.index);
}
