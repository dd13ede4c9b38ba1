/**
 * How the parts of the core say what is to be done. The effects of a step collect in `raft.effects`, in order; what a step
 * adds at its end is in finish.ts.
 */
import { hex, type MemberId, type Term } from "../base/ids.ts";
import type { Message } from "./message.ts";
import type { Raft } from "./raft.ts";

/** A message that promises nothing that the disk has still to keep. */
export function send(raft: Raft, message: Message): void {
  raft.effects.push({ type: "send", message });
}

/** A message that promises what this step, or one before it, persists. */
export function sendAfterPersist(raft: Raft, message: Message): void {
  raft.effects.push({ type: "send-after-persist", message });
}

/** Sender, receiver and term of a message of this member. */
export function address(raft: Raft, to: MemberId): { from: MemberId; to: MemberId; term: Term } {
  return { from: raft.id, to, term: raft.term };
}

/** A line for the story, if anybody listens. */
export function trace(raft: Raft, text: () => string): void {
  if (raft.limits.trace) raft.effects.push({ type: "trace", fact: { text: text() } });
}

/** `m1`: how stories call a member. */
export function nameOf(member: MemberId | null): string {
  return member === null ? "nobody" : `m${hex(member)}`;
}
