/**
 * Who may do what through our own HTTP interfaces while auth is on (api/http-guard.ts), by Basic credentials or a token. etcd has
 * no such interfaces; what they do to the store, they do without a caller.
 */
import type { HttpGuard, HttpNeed, HttpVerdict } from "../../api/http-guard.ts";
import type { Auth } from "../../store/auth/auth.ts";
import { KvError } from "../../store/errors.ts";
import type { Caller } from "../../store/kv.ts";
import type { AgentPass } from "./agent-pass.ts";
import type { Authenticator } from "./authenticator.ts";
import { basicOf } from "./basic.ts";
import type { Tokens } from "./tokens.ts";

export interface HttpAuthorityModules {
  readonly auth: Auth;
  readonly authenticator: Pick<Authenticator, "checkPassword">;
  readonly tokens: Pick<Tokens, "identify">;
  readonly pass: AgentPass;
  /** Everything that was acknowledged before is known here. */
  readonly barrier: () => Promise<void>;
}

export class HttpAuthority implements HttpGuard {
  readonly #modules: HttpAuthorityModules;

  constructor(modules: HttpAuthorityModules) {
    this.#modules = modules;
  }

  /** The pass of this agent, for other agents of the cluster. */
  agentPass(): string | undefined {
    return this.#modules.pass.header();
  }

  /**
   * A change needs a member that knows all that was acknowledged: a follower that is behind may take a password that is not good
   * any more, or not know that auth is on, and nobody asks again. What is read may be old, and so may the right to it; but not a
   * refusal.
   */
  async judge(need: HttpNeed, authorization: string | undefined): Promise<HttpVerdict> {
    const { auth, barrier } = this.#modules;
    try {
      if (need.type === "root") await barrier();
      const { revision } = auth.table;
      const verdict = await this.#judge(need, authorization);
      if (verdict.ok || need.type === "root") return verdict;
      const current = await barrier().then(
        () => true,
        () => false,
      );
      return current && auth.table.revision !== revision ? await this.#judge(need, authorization) : verdict;
    } catch (error) {
      return refusalOf(error, need);
    }
  }

  async #judge(need: HttpNeed, authorization: string | undefined): Promise<HttpVerdict> {
    const { auth, pass } = this.#modules;
    if (!auth.table.enabled) return allowed;
    if (authorization === undefined) return { ok: false, status: 401, problem: "credentials are needed" };
    if (need.type === "read" && need.agents && pass.isPass(authorization)) return allowed;
    try {
      const caller = await this.#callerOf(authorization);
      if (need.type === "root") auth.access.root(caller);
      else for (const keys of need.keys) auth.access.range(keys, caller);
      return allowed;
    } catch (error) {
      return refusalOf(error, need);
    }
  }

  async #callerOf(authorization: string): Promise<Caller> {
    const { auth, authenticator, tokens } = this.#modules;
    const basic = basicOf(authorization);
    if (basic === null) {
      const identity = await tokens.identify(authorization.replace(/^Bearer\s+/i, ""));
      return identity.caller();
    }
    await authenticator.checkPassword(basic.name, basic.password);
    return { user: basic.name, authRevision: auth.table.revision };
  }
}

const allowed: HttpVerdict = { ok: true };

/** KvErrors only; anything else is thrown on. */
export function refusalOf(error: unknown, need: HttpNeed): HttpVerdict {
  if (!(error instanceof KvError)) throw error;
  if (error.code === "auth.permission-denied") {
    const problem =
      need.type === "root"
        ? "only a user with role root may do this"
        : "the user may not read the keys that this shows";
    return { ok: false, status: 403, problem };
  }
  if (error.code.startsWith("auth.")) {
    return { ok: false, status: 401, problem: "the credentials are not valid" };
  }
  return { ok: false, status: 503, problem: "credentials cannot be checked now" };
}
