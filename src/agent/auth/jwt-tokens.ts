/**
 * JSON Web Tokens (etcd.md 9.5): any member verifies them with the public key alone; nothing about them is replicated. They
 * say who, at which auth revision, until when; a change of users or roles therefore makes every client authenticate again.
 *
 * A signature costs a fraction of a millisecond on another thread, so verified tokens are remembered by their whole text. What
 * is remembered can only end sooner than the token: by its `exp`, or by room.
 */
import { errors, jwtVerify, SignJWT } from "jose";
import type { Clock } from "../../base/ports.ts";
import { KvError } from "../../store/errors.ts";
import type { Caller } from "../../store/kv.ts";
import type { JwtKeys } from "./jwt-keys.ts";
import type { SignMethod } from "./options.ts";
import type { Identity, Tokens } from "./tokens.ts";

export interface JwtTokensOptions {
  readonly signMethod: SignMethod;
  readonly ttlMs: number;
}

export interface JwtTokensModules {
  readonly keys: JwtKeys;
  readonly authRevision: () => number;
  readonly clock: Clock;
}

/** Verified tokens that are remembered, some 600 bytes each. */
export const verifiedTokensMax = 10_000;
/** A longer text is no token of ours, and is not worth a verification. */
const tokenLengthMax = 8192;

interface Verified {
  readonly user: string;
  readonly authRevision: number;
  /** Wall clock, milliseconds: that is what `exp` means. */
  readonly endsAtMs: number;
}

export class JwtTokens implements Tokens {
  readonly #options: JwtTokensOptions;
  readonly #modules: JwtTokensModules;
  readonly #verified = new Map<string, Verified>();

  constructor(options: JwtTokensOptions, modules: JwtTokensModules) {
    this.#options = options;
    this.#modules = modules;
  }

  async assign(user: string, authRevision: number): Promise<string> {
    const { keys, clock } = this.#modules;
    if (keys.sign === null) {
      throw new KvError("kv.unknown", "auth: this member has no private key and gives no tokens");
    }
    if (authRevision !== this.#modules.authRevision()) throw new KvError("auth.old-revision");
    const expires = Math.floor((clock.wallMs() + this.#options.ttlMs) / 1000);
    return new SignJWT({ username: user, revision: authRevision })
      .setProtectedHeader({ alg: this.#options.signMethod, typ: "JWT" })
      .setExpirationTime(expires)
      .sign(keys.sign);
  }

  identify(token: string): Identity | Promise<Identity> {
    const known = this.#verified.get(token);
    if (known !== undefined) {
      // The one used last goes to the end, so that the front is what can be spared.
      this.#verified.delete(token);
      if (known.endsAtMs <= this.#modules.clock.wallMs()) throw new KvError("auth.invalid-token");
      this.#verified.set(token, known);
      return this.#identity(token, known);
    }
    if (token.length > tokenLengthMax) throw new KvError("auth.invalid-token");
    return this.#verify(token);
  }

  #identity(token: string, verified: Verified): Identity {
    const { user, authRevision, endsAtMs } = verified;
    return {
      caller: (): Caller => {
        if (endsAtMs <= this.#modules.clock.wallMs()) throw new KvError("auth.invalid-token");
        if (authRevision < this.#modules.authRevision()) throw new KvError("auth.old-revision");
        return { user, authRevision, token };
      },
    };
  }

  async #verify(token: string): Promise<Identity> {
    const { keys, clock } = this.#modules;
    try {
      const { payload } = await jwtVerify(token, keys.verify, {
        algorithms: [this.#options.signMethod],
        currentDate: new Date(clock.wallMs()),
        requiredClaims: ["exp"],
      });
      const { username, revision, exp } = payload;
      if (typeof username !== "string" || username === "" || !Number.isSafeInteger(revision)) {
        throw new KvError("auth.invalid-token");
      }
      const verified = { user: username, authRevision: revision as number, endsAtMs: exp! * 1000 };
      this.#verified.set(token, verified);
      if (this.#verified.size > verifiedTokensMax) {
        this.#verified.delete(this.#verified.keys().next().value!);
      }
      return this.#identity(token, verified);
    } catch (error) {
      if (error instanceof errors.JOSEError) throw new KvError("auth.invalid-token");
      throw error;
    }
  }
}
