/** What travels along with a call that is passed on (etcd.md section 1, gRPC metadata). */
import type { Caller } from "../../store/kv.ts";

export type CallMetadata = Readonly<Record<string, string>>;

/** The caller's token, and that he wants a leader. The agent's own calls have neither. */
export function metadataOf(caller: Caller | undefined): CallMetadata {
  return {
    ...(caller?.token === undefined ? {} : { token: caller.token }),
    ...(caller?.requiresLeader ? { hasleader: "true" } : {}),
  };
}
