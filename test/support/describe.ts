/** Messages and entries in the words of the stories; one renderer for scenarios and simulations. */
import { nameOf } from "../../src/raft/effects.ts";
import type { Entry } from "../../src/raft/entry.ts";
import type { Message } from "../../src/raft/message.ts";

/** `append-entries m1 term=2 after 3@1: 4@2 5@2 commit=3`: type, sender and what matters. */
export function describeMessage(message: Message): string {
  const head = `${message.type} ${nameOf(message.from)} term=${message.term}`;
  const detail = describeDetail(message);
  return detail ? `${head} ${detail}` : head;
}

/** `4@2 x=1`: index, term, and the data if it is text. */
export function describeEntry({ index, term, type, data }: Entry): string {
  const text =
    type === "normal"
      ? ` ${Buffer.from(data).toString("latin1")}`
      : type === "empty"
        ? ""
        : " (configuration)";
  return `${index}@${term}${text}`;
}

function describeDetail(message: Message): string {
  switch (message.type) {
    case "pre-vote":
    case "request-vote": {
      const transfer = message.type === "request-vote" && message.transfer ? " transfer" : "";
      return `last=${message.lastIndex}@${message.lastTerm}${transfer}`;
    }
    case "pre-vote-response":
    case "request-vote-response":
      return message.granted ? "granted" : "refused";
    case "append-entries": {
      const entries = message.entries.map(describeEntry).join(", ") || "nothing";
      return `after ${message.previousIndex}@${message.previousTerm}: ${entries}; commit=${message.commit}`;
    }
    case "append-entries-response":
      return message.success
        ? `has ${message.matchIndex}`
        : `refuses ${message.rejectedIndex}, hint ${message.hintIndex}@${message.hintTerm}`;
    case "heartbeat":
      return `commit=${message.commit} round=${message.round}`;
    case "heartbeat-response":
      return `round=${message.round}`;
    case "install-snapshot":
      return `${message.snapshot.index}@${message.snapshot.term}`;
    case "timeout-now":
    case "read-index":
      return "";
    case "propose":
      return message.entries.map(({ data }) => Buffer.from(data).toString("latin1")).join(", ");
    case "read-index-response":
      return `index=${message.index}`;
  }
}
