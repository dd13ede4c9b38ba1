/** Response headers as the store fills them: only the revision. The member adds who answered and in which term. */
import type { ResponseHeader } from "./wire/messages.ts";

/** A fresh header; the member may alter it. */
export function headerOf(revision: number): ResponseHeader {
  return { cluster_id: 0n, member_id: 0n, revision, raft_term: 0n };
}
