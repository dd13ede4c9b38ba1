/**
 * The guard of an agent without a raft member (api/http-guard.ts): it knows no users, so it asks the store, as the one who calls,
 * for something that needs the same right. A worker keeps a copy of what it shows, which nobody else would guard.
 */
import { createHash } from "node:crypto";
import type { HttpGuard, HttpNeed, HttpVerdict } from "../../api/http-guard.ts";
import { anonymous } from "../../api/v3/gate.ts";
import type { AdminClient } from "../../store/admin.ts";
import { type Caller, type KvClient, KvError } from "../../store/kv.ts";
import { basicOf } from "./basic.ts";
import { refusalOf } from "./http-authority.ts";

export interface RemoteAuthorityModules {
  readonly kv: Pick<KvClient, "range">;
  readonly admin: Pick<AdminClient, "call">;
}

/** Tokens that were given for Basic credentials, so that not every request is a login. */
const tokensMax = 100;
const worn: ReadonlySet<string> = new Set(["auth.invalid-token", "auth.old-revision", "auth.user-empty"]);

export class RemoteAuthority implements HttpGuard {
  readonly #modules: RemoteAuthorityModules;
  /** By a digest of the header. */
  readonly #tokens = new Map<string, string>();
  /** Whether auth was off when the store answered last. */
  #open = false;

  constructor(modules: RemoteAuthorityModules) {
    this.#modules = modules;
  }

  async judge(need: HttpNeed, authorization: string | undefined): Promise<HttpVerdict> {
    try {
      await this.#judge(need, authorization);
      // Whoever is let in without a name could be anybody.
      this.#open = authorization === undefined;
      return { ok: true };
    } catch (error) {
      const verdict = refusalOf(error, need);
      if (verdict.ok || verdict.status !== 503) this.#open = false;
      // The store is away. Where everybody may read, what this agent knows is still shown.
      else if (this.#open && need.type === "read") return { ok: true };
      const nameless = !verdict.ok && verdict.status === 401 && authorization === undefined;
      return nameless ? { ok: false, status: 401, problem: "credentials are needed" } : verdict;
    }
  }

  async #judge(need: HttpNeed, authorization: string | undefined): Promise<void> {
    const key = createHash("sha256")
      .update(authorization ?? "")
      .digest("base64");
    const known = this.#tokens.get(key);
    if (known !== undefined) {
      try {
        return await this.#ask(need, { ...anonymous, token: known });
      } catch (error) {
        if (!(error instanceof KvError) || !worn.has(error.code)) throw error;
        this.#tokens.delete(key);
      }
    }
    const token = authorization === undefined ? undefined : await this.#tokenOf(authorization, key);
    await this.#ask(need, token === undefined ? anonymous : { ...anonymous, token });
  }

  /** Undefined while auth is off. */
  async #tokenOf(authorization: string, key: string): Promise<string | undefined> {
    const basic = basicOf(authorization);
    if (basic === null) return authorization.replace(/^Bearer\s+/i, "");
    try {
      const { token } = await this.#modules.admin.call("Authenticate", basic);
      if (this.#tokens.size >= tokensMax) this.#tokens.delete(this.#tokens.keys().next().value!);
      this.#tokens.set(key, token);
      return token;
    } catch (error) {
      if (error instanceof KvError && error.code === "auth.not-enabled") return undefined;
      throw error;
    }
  }

  async #ask(need: HttpNeed, caller: Caller): Promise<void> {
    const { kv, admin } = this.#modules;
    if (need.type === "root") {
      await admin.call("UserList", {}, { caller });
      return;
    }
    for (const keys of need.keys) {
      await kv.range({ ...keys, limit: 1, keys_only: true, serializable: true }, { caller });
    }
  }
}
