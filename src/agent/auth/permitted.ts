/**
 * A refusal by this member's own state counts only if that state holds everything that was acknowledged before: a follower that
 * is behind may not know yet of a permission that was just granted, or that auth was turned off. So a refused request waits for
 * a read round and is judged again. What is allowed here costs nothing, and is judged once more when it is applied (etcd.md 9.10).
 */
import { KvError, type KvErrorCode } from "../../store/errors.ts";
import type { Caller } from "../../store/kv.ts";

const refusals: readonly KvErrorCode[] = ["auth.user-empty", "auth.permission-denied", "auth.old-revision"];

/** Null: allowed. Else a promise that resolves if it is allowed after all, and rejects with the KvError if not. */
export function permitted(check: () => void, barrier: () => Promise<void>): Promise<void> | null {
  try {
    check();
    return null;
  } catch (error) {
    if (!(error instanceof KvError) || !refusals.includes(error.code)) throw error;
    return barrier().then(check);
  }
}

/** So often at most is a write proposed anew because users or roles changed meanwhile. */
const attemptsMax = 5;

/**
 * Proposes a write again if it was refused only because the auth store changed on its way, or had changed already where this
 * member had not come yet: nothing was done then. For callers whose identity is as new as this member (simple tokens); whoever has
 * a revision of his own has to authenticate again (etcd.md 9.4). What may be done is judged anew each time it is applied.
 */
export function asOfNow<Answer>(
  caller: Caller,
  propose: () => Promise<Answer>,
  attempt: number = 1,
): Promise<Answer> {
  const { authRevision } = caller;
  return propose().catch((error: unknown) => {
    const isOld = error instanceof KvError && error.code === "auth.old-revision";
    if (!isOld || attempt === attemptsMax || caller.authRevision === authRevision) throw error;
    return asOfNow(caller, propose, attempt + 1);
  });
}
