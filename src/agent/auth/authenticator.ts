/** From a name and a password to a user and a token (etcd.md 9.3). */
import { utf8 } from "../../base/bytes.ts";
import type { AuthTable } from "../../store/auth/auth-table.ts";
import { KvError } from "../../store/errors.ts";
import type { Passwords } from "./passwords.ts";
import type { Tokens } from "./tokens.ts";

export interface AuthenticatorModules {
  readonly table: AuthTable;
  readonly passwords: Passwords;
  readonly tokens: Tokens;
  readonly barrier: (signal?: AbortSignal) => Promise<void>;
}

/** The auth store may change while a password is being checked; it is then checked again, so often at most. */
const attemptsMax = 10;

export class Authenticator {
  readonly #modules: AuthenticatorModules;

  constructor(modules: AuthenticatorModules) {
    this.#modules = modules;
  }

  /** A token for whoever knows the password. Throws KvError. */
  async authenticate(name: string, password: string, signal?: AbortSignal): Promise<string> {
    const { table, tokens, barrier } = this.#modules;
    await barrier(signal);
    for (let attempt = 1; ; attempt++) {
      const { revision } = table;
      await this.checkPassword(name, password);
      try {
        return await tokens.assign(name, revision);
      } catch (error) {
        const changed = error instanceof KvError && error.code === "auth.old-revision";
        if (!changed || attempt === attemptsMax) throw error;
      }
    }
  }

  /**
   * Throws KvError, in etcd's order, if this is not the user's password in the state that this member has when the promise
   * resolves: a user that was changed while the password was being checked is looked at again.
   */
  async checkPassword(name: string, password: string): Promise<void> {
    const { table, passwords } = this.#modules;
    for (let attempt = 1; ; attempt++) {
      if (!table.enabled) throw new KvError("auth.not-enabled");
      if (name === "") throw new KvError("auth.user-empty");
      const user = table.user(name);
      if (user?.options?.no_password) throw new KvError("auth.no-password-user");
      const hash = user === undefined ? null : utf8.decode(user.password);
      const right = await passwords.verify(name, password, hash);
      if (table.user(name) !== user && attempt < attemptsMax) continue;
      if (!right) throw new KvError("auth.failed");
      return;
    }
  }
}
