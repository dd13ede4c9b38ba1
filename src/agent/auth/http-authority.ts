/**
 * Who may change something through our own HTTP interfaces while auth is on (api/http-guard.ts): holders of role root, by
 * Basic credentials or a token. etcd has no such interfaces; what they write goes into the store without a caller.
 */
import type { HttpGuard, HttpVerdict } from "../../api/http-guard.ts";
import type { Auth } from "../../store/auth/auth.ts";
import { KvError } from "../../store/errors.ts";
import type { Authenticator } from "./authenticator.ts";
import type { Tokens } from "./tokens.ts";

export interface HttpAuthorityModules {
  readonly auth: Auth;
  readonly authenticator: Authenticator;
  readonly tokens: Pick<Tokens, "identify">;
}

export class HttpAuthority implements HttpGuard {
  readonly #modules: HttpAuthorityModules;

  constructor(modules: HttpAuthorityModules) {
    this.#modules = modules;
  }

  async mayChange(authorization: string | undefined): Promise<HttpVerdict> {
    const { auth } = this.#modules;
    if (!auth.table.enabled) return { ok: true };
    if (authorization === undefined) return { ok: false, status: 401, problem: "credentials are needed" };
    try {
      const user = await this.#userOf(authorization);
      auth.access.root({ user, authRevision: auth.table.revision });
      return { ok: true };
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      if (error.code === "auth.permission-denied") {
        return { ok: false, status: 403, problem: "only a user with role root may do this" };
      }
      if (error.code.startsWith("auth.")) {
        return { ok: false, status: 401, problem: "the credentials are not valid" };
      }
      return { ok: false, status: 503, problem: "credentials cannot be checked now" };
    }
  }

  async #userOf(authorization: string): Promise<string | null> {
    const { authenticator, tokens } = this.#modules;
    const [, basic] = /^Basic\s+(\S+)$/i.exec(authorization) ?? [];
    if (basic === undefined) {
      const identity = await tokens.identify(authorization.replace(/^Bearer\s+/i, ""));
      return identity.caller().user;
    }
    const credentials = Buffer.from(basic, "base64").toString("utf8");
    const at = credentials.indexOf(":");
    const name = at < 0 ? credentials : credentials.slice(0, at);
    await authenticator.checkPassword(name, at < 0 ? "" : credentials.slice(at + 1));
    return name;
  }
}
