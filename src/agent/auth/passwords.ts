/**
 * Passwords (etcd.md 9.3): hashed and verified by bcrypt in another thread. A password that was found right is remembered, so
 * that clients which authenticate often do not cost a bcrypt each: as an HMAC, under a key that only this process has, over the
 * user, the stored hash and the password. A changed password has another stored hash and is not found. A wrong one is never
 * remembered and always costs a bcrypt; how many of those can wait is bounded by the thread's queue.
 */
import { createHmac, randomBytes } from "node:crypto";
import { AgentError } from "../../base/errors.ts";
import { KvError } from "../../store/errors.ts";

/** What does the work (host/password). Rejects with AgentError codes `password.*`. */
export interface PasswordHasher {
  hash(password: string, cost: number): Promise<string>;
  verify(password: string, hash: string): Promise<boolean>;
}

/** Right passwords that are remembered. */
const rememberedMax = 1000;
/** What bcrypt looks at; a longer password would silently count as its first 72 bytes. */
const passwordBytesMax = 72;
/** The form of a bcrypt text: version, cost, 22 characters of salt and 31 of hash. */
const bcryptText = /^\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}$/;
/** A hash that a client hands in may cost this much at most: each check of it holds the thread for 2^cost rounds. */
const givenCostMax = 16;

export class Passwords {
  readonly #cost: number;
  readonly #hasher: PasswordHasher;
  readonly #key: Buffer = randomBytes(32);
  readonly #remembered = new Set<string>();
  /** For users that do not exist, who cost what the others cost, from the first time on: the hash of no password. */
  readonly #nobody: string;

  constructor(options: { cost: number }, modules: { hasher: PasswordHasher }) {
    this.#cost = options.cost;
    this.#hasher = modules.hasher;
    const cost = String(options.cost).padStart(2, "0");
    this.#nobody = `$2b$${cost}$${randomBytes(27).toString("hex").slice(0, 53)}`;
  }

  /** The form that requests and the log carry: base64 of the bcrypt text (etcd.md 9.12). Throws KvError. */
  async hashed(password: string): Promise<string> {
    if (Buffer.byteLength(password) > passwordBytesMax) {
      throw new KvError("kv.unknown", `password is longer than ${passwordBytesMax} bytes`);
    }
    const text = await this.#work(this.#hasher.hash(password, this.#cost));
    return Buffer.from(text, "latin1").toString("base64");
  }

  /** Checks a hash that a client made itself. Throws KvError `auth.invalid-management`. */
  given(hashed: string): string {
    const [, cost] = bcryptText.exec(Buffer.from(hashed, "base64").toString("latin1")) ?? [];
    if (cost === undefined || Number(cost) < 4 || Number(cost) > Math.max(givenCostMax, this.#cost)) {
      throw new KvError("auth.invalid-management");
    }
    return hashed;
  }

  /** Whether the password is the one of `hash`, the stored text of this user; null: there is no such user. */
  async verify(user: string, password: string, hash: string | null): Promise<boolean> {
    if (hash === null) {
      await this.#work(this.#hasher.verify(password, this.#nobody));
      return false;
    }
    const mark = this.#mark(user, password, hash);
    if (this.#remembered.delete(mark)) {
      this.#remembered.add(mark);
      return true;
    }
    const right = await this.#work(this.#hasher.verify(password, hash));
    if (!right) return false;
    if (this.#remembered.size >= rememberedMax) {
      this.#remembered.delete(this.#remembered.keys().next().value!);
    }
    this.#remembered.add(mark);
    return true;
  }

  #mark(user: string, password: string, hash: string): string {
    // As JSON, so that no two triples have the same text.
    return createHmac("sha256", this.#key)
      .update(JSON.stringify([user, hash, password]))
      .digest("base64");
  }

  async #work<Value>(job: Promise<Value>): Promise<Value> {
    try {
      return await job;
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      if (error.code === "password.busy")
        throw new KvError("kv.too-many-requests", undefined, { cause: error });
      if (error.code === "password.stopped") throw new KvError("kv.stopped", undefined, { cause: error });
      throw new KvError("auth.failed", undefined, { cause: error });
    }
  }
}
