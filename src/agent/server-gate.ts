/** Who may come in at a server's gRPC front (api/v3/gate.ts): is there a leader, does a learner answer this, who calls. */
import { isUtf8 } from "node:buffer";
import type { Metadata } from "../api/transport/grpc-method.ts";
import { anonymous, callerWithToken, type Gate, tokenOf } from "../api/v3/gate.ts";
import { KvError } from "../store/errors.ts";
import type { Caller } from "../store/kv.ts";
import type { Identity, Tokens } from "./auth/tokens.ts";
import type { LeaderLoss } from "./leader-loss.ts";

export interface ServerGateModules {
  readonly hasLeader: () => boolean;
  readonly leaderLoss: Pick<LeaderLoss, "listen">;
  readonly isLearner: () => boolean;
  readonly authEnabled: () => boolean;
  readonly tokens: Pick<Tokens, "identify">;
}

/** What a learner answers (etcd.md 1). Of ranges only serializable ones: that is for whoever has read the request. */
const learnerPaths: ReadonlySet<string> = new Set([
  "/etcdserverpb.Maintenance/Status",
  "/etcdserverpb.Maintenance/Snapshot",
  "/etcdserverpb.KV/Range",
  "/etcdserverpb.KV/RangeStream",
]);
/** Streams that outlive an identity, and tell their client of a bad one request by request (etcd.md 5.4). */
const streamPaths: ReadonlySet<string> = new Set([
  "/etcdserverpb.Watch/Watch",
  "/etcdserverpb.Lease/LeaseKeepAlive",
]);

export class ServerGate implements Gate {
  readonly #modules: ServerGateModules;

  constructor(modules: ServerGateModules) {
    this.#modules = modules;
  }

  admit(path: string, metadata: Metadata): Caller | Promise<Caller> {
    const { hasLeader, isLearner, authEnabled, tokens } = this.#modules;
    if (isLearner() && !learnerPaths.has(path)) throw new KvError("kv.learner-unsupported");
    if (!isText(metadata.get("client-api-version"))) throw new KvError("kv.invalid-client-api-version");
    if (metadata.get("hasleader") === "true" && !hasLeader()) throw new KvError("kv.no-leader");
    const token = tokenOf(metadata);
    if (token === undefined) return anonymous;
    if (streamPaths.has(path)) return this.#streamCaller(token);
    // To authenticate is how a client gets rid of a token that is not good any more.
    if (!authEnabled() || path === "/etcdserverpb.Auth/Authenticate") return callerWithToken(metadata);
    const identity = tokens.identify(token);
    return identity instanceof Promise ? identity.then((known) => known.caller()) : identity.caller();
  }

  untilLeaderLost(metadata: Metadata, lost: () => void): (() => void) | null {
    return metadata.get("hasleader") === "true" ? this.#modules.leaderLoss.listen(lost) : null;
  }

  /** Waits only for a token that is not known here yet. */
  #streamCaller(token: string): Caller | Promise<Caller> {
    const { authEnabled, tokens } = this.#modules;
    if (!authEnabled()) return new StreamCaller(token, tokens, null);
    const refused = (error: unknown): Caller => {
      if (error instanceof KvError) return new StreamCaller(token, tokens, { caller: () => fail(error) });
      throw error;
    };
    try {
      const identity = tokens.identify(token);
      if (!(identity instanceof Promise)) return new StreamCaller(token, tokens, identity);
      return identity.then((known) => new StreamCaller(token, tokens, known), refused);
    } catch (error) {
      return refused(error);
    }
  }
}

/**
 * Who holds the token of a stream at the moment of asking. Its fields throw KvError `auth.invalid-token` for a token that is
 * not, or no longer, good.
 */
class StreamCaller implements Caller {
  readonly token: string;
  readonly #tokens: Pick<Tokens, "identify">;
  #identity: Identity | null;

  constructor(token: string, tokens: Pick<Tokens, "identify">, identity: Identity | null) {
    this.token = token;
    this.#tokens = tokens;
    this.#identity = identity;
  }

  get user(): string | null {
    return this.#caller().user;
  }

  get authRevision(): number {
    return this.#caller().authRevision;
  }

  #caller(): Caller {
    if (this.#identity === null) {
      // The stream began while auth was off. A token that has to be waited for now is not good yet.
      const identity = this.#tokens.identify(this.token);
      if (identity instanceof Promise) {
        identity.then((known) => (this.#identity = known)).catch(() => {});
        throw new KvError("auth.invalid-token");
      }
      this.#identity = identity;
    }
    return this.#identity.caller();
  }
}

/** Whether a header, a character for each byte, is UTF-8. */
function isText(header: string | undefined): boolean {
  return header === undefined || !notAscii.test(header) || isUtf8(Buffer.from(header, "latin1"));
}
const notAscii = /[^\0-\x7f]/;

function fail(error: KvError): never {
  throw error;
}
