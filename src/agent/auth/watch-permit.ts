/** What a client may watch, in the words that it gets (etcd.md 5.4): the whole text of a gRPC error as Go prints it. */
import type { Auth } from "../../store/auth/auth.ts";
import { KvError } from "../../store/errors.ts";
import type { Caller } from "../../store/kv.ts";
import type { WatchPermit } from "../../store/watch/permit.ts";
import { grpcCodeName } from "../../store/wire/grpc-code.ts";
import { statusOfKvError } from "../../store/wire/status.ts";

/**
 * The permit of a stream. The identity counts when a watcher is created; from then on only what the user may do, so that a
 * token which ends does not end the watchers that it began.
 */
export function watchPermit(auth: Auth, caller: Caller): WatchPermit {
  return ({ key, range_end }) => {
    const keys = { key, range_end };
    let user: string | null = null;
    const check = (): void => {
      if (auth.access.isOpen(caller)) return;
      const now = user === null ? caller : { user, authRevision: auth.table.revision };
      const name = now.user;
      auth.access.watch(keys, user === null ? { user: name, authRevision: now.authRevision } : now);
      user = name;
    };
    return () => refusalOf(check);
  };
}

function refusalOf(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (!(error instanceof KvError)) throw error;
    const { code, message } = statusOfKvError(error);
    return `rpc error: code = ${grpcCodeName(code)} desc = ${message}`;
  }
}
