/** Auth inside the store: the table, who changes it, who asks it. See etcd.md 9. */
import type { StoreWrite } from "../storage.ts";
import { Access, type AttachedKeys } from "./access.ts";
import { AuthTable } from "./auth-table.ts";
import { type AuthCommand, AuthCommands } from "./commands.ts";
import type { TokenSink } from "./tokens.ts";

export interface AuthModules {
  readonly leases: AttachedKeys;
  readonly tokens: TokenSink;
  /** Somebody may have lost, or got, a permission: running watchers are looked at again. */
  readonly changed: () => void;
}

export class Auth {
  readonly table: AuthTable;
  /** Judges requests. */
  readonly access: Access;
  readonly #commands: AuthCommands;
  readonly #tokens: TokenSink;

  constructor(modules: AuthModules) {
    this.table = new AuthTable({
      changed: () => {
        this.access.forget();
        modules.changed();
      },
    });
    this.access = new Access({ table: this.table, leases: modules.leases });
    this.#commands = new AuthCommands({ table: this.table, tokens: modules.tokens });
    this.#tokens = modules.tokens;
  }

  /** Applies an auth command. Returns the token that it assigned, if it was for one. Throws KvError. */
  apply(command: AuthCommand, index: number, writes: StoreWrite[]): string | null {
    return this.#commands.apply(command, index, writes);
  }

  /** For other state, which is loaded next. Tokens of the old one may belong to users that are gone there. */
  reset(): void {
    this.table.reset();
    this.#tokens.forgetAll();
  }
}
