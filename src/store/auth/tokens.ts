/**
 * Simple tokens (etcd.md 9.5) as the replicated state sees them: every member learns of a token when its entry is applied, and
 * forgets it when the user goes, gets another password, or auth is turned off. How long a token lives is each member's own
 * matter, so the table with its time is behind this port (agent/auth/simple-tokens); nothing here depends on what is in it.
 */

/** Called while an entry is applied; must not throw. */
export interface TokenSink {
  /** From now on `token` stands for `user`. */
  grant(user: string, token: string): void;
  forgetUser(user: string): void;
  /** Auth was disabled, or the state was replaced by a snapshot. */
  forgetAll(): void;
}

/** For stores that no client identifies itself to. */
export const noTokens: TokenSink = { grant() {}, forgetUser() {}, forgetAll() {} };
