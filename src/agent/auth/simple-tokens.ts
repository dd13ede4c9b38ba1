/**
 * Simple tokens of this member (etcd.md 9.5): random text that every member learns through the log. They live `ttlMs` since
 * their last use here, told in steps of a hundredth of that: a token that is used all the time need not move all the time. The
 * table keeps them in the order in which they end, so no timer is needed: now and then, whoever is at the front and late goes.
 */
import type { Clock, Random } from "../../base/ports.ts";
import type { TokenSink } from "../../store/auth/tokens.ts";
import { KvError } from "../../store/errors.ts";
import type { Caller } from "../../store/kv.ts";
import type { Identity, Tokens } from "./tokens.ts";

export interface SimpleTokensModules {
  /** Proposes the token and gives the whole one, with its index. Rejects with `auth.old-revision`. */
  readonly propose: (user: string, prefix: string, authRevision: number) => Promise<string>;
  readonly appliedIndex: () => number;
  readonly authRevision: () => number;
  /** Everything that was acknowledged to a client before is applied here. */
  readonly barrier: () => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Beyond this, whoever has been idle longest has to authenticate again. About 10 MB. */
export const simpleTokensMax = 50_000;

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const prefixLength = 16;
/** Draws from here on would favour the first letters. */
const drawMax = Math.floor(2 ** 32 / letters.length) * letters.length;

interface Held {
  readonly user: string;
  /** Monotonic milliseconds. */
  endsAt: number;
  /** The user went or got another password, or auth was turned off: not the same as having expired. */
  taken: boolean;
  /** What `identify` gives for it, made once. */
  identity: Identity | null;
}

/** The table of tokens, as the store fills it while entries are applied. */
export class SimpleTokenTable implements TokenSink {
  readonly #ttlMs: number;
  readonly #clock: Clock;
  readonly #stepMs: number;
  readonly #held = new Map<string, Held>();
  #sweepAt: number = 0;

  constructor(options: { ttlMs: number }, modules: { clock: Clock }) {
    this.#ttlMs = options.ttlMs;
    this.#stepMs = options.ttlMs / 100;
    this.#clock = modules.clock;
  }

  get size(): number {
    return this.#held.size;
  }

  grant(user: string, token: string): void {
    const now = this.#clock.now();
    if (now >= this.#sweepAt) this.#sweep(now);
    if (this.#held.size >= simpleTokensMax) this.#held.delete(this.#held.keys().next().value!);
    this.#held.set(token, { user, endsAt: now + this.#ttlMs, taken: false, identity: null });
  }

  forgetUser(user: string): void {
    for (const [token, held] of this.#held) {
      if (held.user !== user) continue;
      held.taken = true;
      this.#held.delete(token);
    }
  }

  forgetAll(): void {
    for (const held of this.#held.values()) held.taken = true;
    this.#held.clear();
  }

  /** Whose token it is; it lives on from now. Undefined for one that is not known, or not any more. */
  use(token: string): Held | undefined {
    const held = this.#held.get(token);
    if (held === undefined) return undefined;
    const now = this.#clock.now();
    const endsAt = now + this.#ttlMs;
    if (held.endsAt > now && endsAt - held.endsAt < this.#stepMs) return held;
    this.#held.delete(token);
    if (held.endsAt <= now) return undefined;
    held.endsAt = endsAt;
    this.#held.set(token, held);
    return held;
  }

  #sweep(now: number): void {
    this.#sweepAt = now + this.#stepMs;
    for (const [token, { endsAt }] of this.#held) {
      if (endsAt > now) return;
      this.#held.delete(token);
    }
  }
}

export class SimpleTokens implements Tokens {
  readonly #table: SimpleTokenTable;
  readonly #modules: SimpleTokensModules;

  constructor(table: SimpleTokenTable, modules: SimpleTokensModules) {
    this.#table = table;
    this.#modules = modules;
  }

  assign(user: string, authRevision: number): Promise<string> {
    return this.#modules.propose(user, this.#prefix(), authRevision);
  }

  identify(token: string): Identity | Promise<Identity> {
    const held = this.#table.use(token);
    if (held !== undefined) return this.#identity(token, held);
    const index = /^[A-Za-z]{16}\.([1-9]\d{0,15})$/.exec(token)?.[1];
    if (index === undefined || Number(index) <= this.#modules.appliedIndex()) throw unknown();
    // Assigned through another member, and not applied here yet (etcd.md 9.5); or made up.
    return this.#modules.barrier().then(() => {
      const later = this.#table.use(token);
      if (later === undefined) throw unknown();
      return this.#identity(token, later);
    });
  }

  #identity(token: string, held: Held): Identity {
    if (held.identity !== null) return held.identity;
    const caller = this.#caller(token, held);
    held.identity = {
      caller: () => {
        if (this.#table.use(token) !== held) throw unknown();
        return caller;
      },
    };
    return held.identity;
  }

  #caller(token: string, held: Held): Caller {
    const { authRevision } = this.#modules;
    return {
      user: held.user,
      token,
      /**
       * A simple token carries no revision: it is as new as this member when it is used (etcd.md 9.4). One that was taken away while
       * its call was under way is older than everything: the user of that name may be somebody else by now.
       */
      get authRevision() {
        return held.taken ? 0 : authRevision();
      },
    };
  }

  #prefix(): string {
    let prefix = "";
    while (prefix.length < prefixLength) {
      const draw = this.#modules.random.uint32();
      if (draw < drawMax) prefix += letters[draw % letters.length];
    }
    return prefix;
  }
}

function unknown(): KvError {
  return new KvError("auth.invalid-token");
}
