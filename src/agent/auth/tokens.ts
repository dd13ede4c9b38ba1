/** What a token is to the rest of auth, whichever kind the cluster uses (etcd.md 9.4, 9.5). */
import type { Caller } from "../../store/kv.ts";

/** A token that was good when it was looked at. */
export interface Identity {
  /** Who holds it. Throws KvError `auth.invalid-token` once it has expired or was taken away. */
  caller(): Caller;
}

export interface Tokens {
  /**
   * A token for a user whose password was right at this auth revision. Throws KvError `auth.old-revision` if the auth store
   * has changed since: the password has to be checked again.
   */
  assign(user: string, authRevision: number): Promise<string>;
  /** Throws, or rejects with, KvError `auth.invalid-token`. A promise only where it is not known at once. */
  identify(token: string): Identity | Promise<Identity>;
}
