/** What this member answers to the others, and lets in from them. */
import { clusterVersion, serverVersion } from "../api/ops/version.ts";
import { type ClusterId, hex } from "../base/ids.ts";
import type { Message, Proposal } from "../raft/message.ts";
import { decodeCommand } from "../store/command.ts";
import { CommandError, KvError } from "../store/errors.ts";
import type { Store } from "../store/store.ts";
import type { Member } from "./member.ts";
import { clusterViewJson, clusterViewPath } from "./membership/cluster-view.ts";
import { encodeError, encodeResult, isLeaderMethod } from "./peer-calls.ts";

/**
 * A forwarded proposal goes into the log unseen, and an entry that no member can read would stop them all, at every start.
 * So what cannot be read is left out here; its proposer waits for its own deadline.
 */
export function readable(message: Message): Message {
  if (message.type !== "propose") return message;
  return { ...message, entries: message.entries.filter((proposal) => isReadable(proposal)) };
}

function isReadable(proposal: Proposal): boolean {
  if (proposal.type !== "normal") return false;
  try {
    decodeCommand(proposal.data);
    return true;
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}

/** What the peer port tells a person or a probe over HTTP (etcd.md 13). */
export function peerPortAnswer(path: string, store: Store, clusterId: ClusterId): object | null {
  if (path === clusterViewPath) return clusterViewJson({ clusterId, members: store.members.list() });
  if (path === "/version") return { etcdserver: serverVersion, etcdcluster: clusterVersion };
  if (path !== "/members") return null;
  return store.members.list().map((member) => ({ ...member, ID: hex(member.ID) }));
}

/** Answers a call of another member; never rejects, the envelope carries the error. */
export async function answerPeer(kv: Member, method: string, payload: Uint8Array): Promise<Uint8Array> {
  try {
    if (!isLeaderMethod(method)) throw new KvError("kv.unimplemented", `peers do not offer ${method}`);
    return encodeResult(await kv.answerAsLeader(method, payload));
  } catch (error) {
    return encodeError(error);
  }
}
