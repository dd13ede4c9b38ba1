/**
 * How agents of servers know each other over HTTP while auth is on: a code made of what only servers have, the stored hash of
 * root's password. It opens no more than what agents ask of each other (api/http-guard.ts), changes with that password, and
 * tells nothing of it. A worker does not have it; nor has anybody while root has no password.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { type AuthTable, rootName } from "../../store/auth/auth-table.ts";

const scheme = "Agent ";
const purpose = "argosy agents";

export class AgentPass {
  readonly #table: AuthTable;

  constructor(modules: { table: AuthTable }) {
    this.#table = modules.table;
  }

  /** For the Authorization header; undefined where none is needed, or there is none. */
  header(): string | undefined {
    const code = this.#table.enabled ? this.#code() : null;
    return code === null ? undefined : `${scheme}${code.toString("base64")}`;
  }

  isPass(authorization: string): boolean {
    if (!authorization.startsWith(scheme)) return false;
    const given = Buffer.from(authorization.slice(scheme.length), "base64");
    const code = this.#code();
    return code !== null && given.length === code.length && timingSafeEqual(given, code);
  }

  #code(): Buffer | null {
    const hash = this.#table.user(rootName)?.password;
    if (hash === undefined || hash.length === 0) return null;
    return createHmac("sha256", hash).update(purpose).digest();
  }
}
