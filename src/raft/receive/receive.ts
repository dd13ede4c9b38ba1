/**
 * The gate for every received message: sorts out what its term means (Raft paper 5.1) and hands it to the file of its type.
 * Behind the gate a message has the term of this member, except for pre-votes and their answers.
 */
import { assertNever } from "../../base/assert.ts";
import { Index, Term } from "../../base/ids.ts";
import { address, send, sendAfterPersist, trace } from "../effects.ts";
import { becomeFollower, isLeaderFresh } from "../election.ts";
import type { AppendEntriesResponse, Message } from "../message.ts";
import type { Raft } from "../raft.ts";
import { receiveAppendEntries } from "./append-entries.ts";
import { receiveAppendEntriesResponse } from "./append-entries-response.ts";
import { receiveHeartbeat } from "./heartbeat.ts";
import { receiveHeartbeatResponse } from "./heartbeat-response.ts";
import { receiveInstallSnapshot } from "./install-snapshot.ts";
import { receivePreVote } from "./pre-vote.ts";
import { receivePreVoteResponse } from "./pre-vote-response.ts";
import { receivePropose } from "./propose.ts";
import { receiveReadIndex } from "./read-index.ts";
import { receiveReadIndexResponse } from "./read-index-response.ts";
import { receiveRequestVote } from "./request-vote.ts";
import { receiveRequestVoteResponse } from "./request-vote-response.ts";
import { receiveTimeoutNow } from "./timeout-now.ts";

/** One message from another member. What is not for this member, or outdated, is dropped. */
export function receive(raft: Raft, message: Message): void {
  if (message.to !== raft.id || message.from === raft.id) return;
  if (message.term > raft.term && !enterTerm(raft, message)) return;
  if (message.term < raft.term) answerOutdated(raft, message);
  else dispatch(raft, message);
}

function dispatch(raft: Raft, message: Message): void {
  switch (message.type) {
    case "pre-vote":
      receivePreVote(raft, message);
      break;
    case "pre-vote-response":
      receivePreVoteResponse(raft, message);
      break;
    case "request-vote":
      receiveRequestVote(raft, message);
      break;
    case "request-vote-response":
      receiveRequestVoteResponse(raft, message);
      break;
    case "append-entries":
      receiveAppendEntries(raft, message);
      break;
    case "append-entries-response":
      receiveAppendEntriesResponse(raft, message);
      break;
    case "heartbeat":
      receiveHeartbeat(raft, message);
      break;
    case "heartbeat-response":
      receiveHeartbeatResponse(raft, message);
      break;
    case "install-snapshot":
      receiveInstallSnapshot(raft, message);
      break;
    case "timeout-now":
      receiveTimeoutNow(raft, message);
      break;
    case "propose":
      receivePropose(raft, message);
      break;
    case "read-index":
      receiveReadIndex(raft, message);
      break;
    case "read-index-response":
      receiveReadIndexResponse(raft, message);
      break;
    default:
      assertNever(message);
  }
}

/** A message of a higher term: whether it is to be handled, and the term entered if it is a real one. */
function enterTerm(raft: Raft, message: Message): boolean {
  const isVote = message.type === "pre-vote" || message.type === "request-vote";
  const isTransfer = message.type === "request-vote" && message.transfer;
  if (isVote && !isTransfer && isLeaderFresh(raft)) {
    trace(raft, () => `leader heard lately -> ignored`);
    return false;
  }
  // A pre-vote's term is only a plan, and so is that of a granted answer.
  if (message.type === "pre-vote") return true;
  if (message.type === "pre-vote-response" && message.granted) return true;
  becomeFollower(raft, message.term, null);
  return true;
}

/**
 * A message of a lower term. Who believes to lead, or asks for pre-votes, is told the present term: otherwise a member with
 * a higher term than its leader, who is refused votes while that leader is fresh, could never take part again.
 */
function answerOutdated(raft: Raft, message: Message): void {
  const { from: to } = message;
  if (message.type === "pre-vote") {
    send(raft, { type: "pre-vote-response", ...address(raft, to), granted: false });
  } else if (
    message.type === "append-entries" ||
    message.type === "heartbeat" ||
    message.type === "install-snapshot"
  ) {
    const zero = { matchIndex: Index(0), rejectedIndex: Index(0), hintIndex: Index(0), hintTerm: Term(0) };
    const answer: AppendEntriesResponse = {
      type: "append-entries-response",
      ...address(raft, to),
      success: false,
      ...zero,
    };
    sendAfterPersist(raft, answer);
  }
}
