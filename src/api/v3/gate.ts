/**
 * What stands before every rpc of api/v3: is there a leader for those who ask (etcd.md 1), does this member serve the rpc at
 * all, and who calls (9.4). A method calls `admit` first and hands the caller on to the store, which judges what it may do.
 */
import type { Caller } from "../../store/kv.ts";
import type { Metadata } from "../transport/grpc-method.ts";

export interface Gate {
  /**
   * Who calls. Throws (or rejects with) KvError: `kv.no-leader` for a call with `hasleader: true`, `kv.learner-unsupported`,
   * and while auth is on `auth.invalid-token` or `auth.old-revision`. A call without credentials is admitted with no user:
   * the store refuses it where it matters.
   */
  admit(path: string, metadata: Metadata): Caller | Promise<Caller>;
  /**
   * For a stream that is open: calls `lost` once if it asked for a leader and there has been none for too long (etcd.md 1).
   * Returns how to stop that; null for a stream that did not ask. Absent where the server at the other end does this.
   */
  untilLeaderLost?(metadata: Metadata, lost: () => void): (() => void) | null;
}

/** For a client of somebody else's store: the server at the other end judges; the token travels along. */
export const gateElsewhere: Gate = {
  admit(_path, metadata) {
    const caller = callerWithToken(metadata);
    return metadata.get("hasleader") === "true" ? { ...caller, requiresLeader: true } : caller;
  },
};

/** An unidentified caller, with the token that the request carries (etcd.md section 1, gRPC metadata). */
export function callerWithToken(metadata: Metadata): Caller {
  const token = tokenOf(metadata);
  return token === undefined ? anonymous : { ...anonymous, token };
}

/** No user, at no revision. */
export const anonymous: Caller = { user: null, authRevision: 0 };

/** `token`, else `authorization`, of which a leading `Bearer ` is dropped. */
export function tokenOf(metadata: Metadata): string | undefined {
  const token = metadata.get("token") ?? metadata.get("authorization");
  return token?.startsWith("Bearer ") ? token.slice("Bearer ".length) : token;
}
