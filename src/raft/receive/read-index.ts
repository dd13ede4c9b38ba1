import { trace } from "../effects.ts";
import type { ReadIndex } from "../message.ts";
import type { Raft } from "../raft.ts";
import { addReader } from "../read-index.ts";

/** A follower passes a read on. One that is not taken is lost without a word: the follower gives it up in time. */
export function receiveReadIndex(raft: Raft, message: ReadIndex): void {
  const isTaken =
    raft.role === "leader" && addReader(raft, { member: message.from, context: message.context });
  if (!isTaken) trace(raft, () => "read not taken");
}
