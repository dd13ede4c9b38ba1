/**
 * A client's request that one member passes on to the leader: on whose behalf, then the request as it came. The leader judges the
 * caller again, since the member that was asked may not know yet of a right that was taken (etcd.md 9.10).
 */
import type { Caller } from "../../store/kv.ts";
import { bytes, int64, message, nested, optional, string } from "../../store/wire/protobuf.ts";

/** Without a user nobody said who calls. */
const ForwardedCaller = message({ user: optional(string(1)), auth_revision: int64(2) });
/** Without a caller it is the agent's own request. */
const Forwarded = message({ caller: nested(1, () => ForwardedCaller), request: bytes(2) });

/** Throws what asking a caller throws whose token is not good any more. */
export function encodeForwarded(caller: Caller | undefined, request: Uint8Array): Uint8Array {
  if (caller === undefined) return Forwarded.encode({ request });
  const { user, authRevision: auth_revision } = caller;
  return Forwarded.encode({ caller: { user: user ?? undefined, auth_revision }, request });
}

/** Throws WireError. */
export function decodeForwarded(payload: Uint8Array): {
  readonly caller: Caller | undefined;
  readonly request: Uint8Array;
} {
  const { caller, request } = Forwarded.decode(payload);
  if (caller === undefined) return { caller, request };
  return { caller: { user: caller.user ?? null, authRevision: caller.auth_revision }, request };
}
