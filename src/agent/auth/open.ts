/** Auth of a server, put together: tokens, passwords, handlers, and who may come in. */
import type { Clock, Random } from "../../base/ports.ts";
import type { Scope } from "../../base/scope.ts";
import { PasswordThread } from "../../host/password/password-thread.ts";
import type { AdminHandlers, AdminRequest, AdminRpc } from "../../store/admin.ts";
import type { TokenSink } from "../../store/auth/tokens.ts";
import type { CallOptions } from "../../store/kv.ts";
import type { Store } from "../../store/store.ts";
import type { Member } from "../member.ts";
import { AgentPass } from "./agent-pass.ts";
import { Authenticator } from "./authenticator.ts";
import { type AuthRpc, authHandlers } from "./handlers.ts";
import { HttpAuthority } from "./http-authority.ts";
import type { AuthOptions, JwtOptions } from "./options.ts";
import { Passwords } from "./passwords.ts";
import { permitted } from "./permitted.ts";
import { SimpleTokens, SimpleTokenTable } from "./simple-tokens.ts";
import type { Tokens } from "./tokens.ts";

/** Checks of passwords that wait; a check takes some 80 ms at cost 10. */
const passwordJobsMax = 100;
/** The thread ends when no password was checked for so long. */
const passwordIdleMs = 10_000;

/**
 * What is carried out by the leader, or for the whole cluster, and not judged again as a command is when it is applied (etcd.md
 * 9.10). A member that is behind may allow what it should not, so these are judged after a read round.
 */
const judgedOnlyHere: ReadonlySet<AdminRpc> = new Set<AdminRpc>([
  "MemberAdd",
  "MemberRemove",
  "MemberUpdate",
  "MemberPromote",
  "MoveLeader",
  "Downgrade",
]);

/** What auth has before there is a store: what can be wrong with its options, and where the store tells of tokens. */
export interface AuthBase {
  readonly options: AuthOptions;
  /** Null: simple tokens. */
  readonly jwt: ((modules: { authRevision: () => number; clock: Clock }) => Tokens) | null;
  /** For the store. */
  readonly sink: TokenSink;
  readonly table: SimpleTokenTable;
}

/** Reads key files. Throws ConfigError. */
export async function prepareAuth(options: AuthOptions, modules: { clock: Clock }): Promise<AuthBase> {
  const jwt = options.token.type === "jwt" ? await prepareJwt(options.token) : null;
  const table = new SimpleTokenTable({ ttlMs: options.token.ttlMs }, modules);
  return { options, jwt, table, sink: table };
}

/** Loaded only where it is used: the library is larger than the rest of auth. */
async function prepareJwt(options: JwtOptions): Promise<AuthBase["jwt"]> {
  const { readJwtKeys } = await import("./jwt-keys.ts");
  const { JwtTokens } = await import("./jwt-tokens.ts");
  const keys = await readJwtKeys(options);
  return (modules) => new JwtTokens(options, { ...modules, keys });
}

export interface ServerAuth {
  readonly tokens: Tokens;
  readonly handlers: Pick<AdminHandlers, AuthRpc>;
  readonly http: HttpAuthority;
  /** Before each admin rpc. Rejects with the KvError of one that may not. */
  authorize<Name extends AdminRpc>(
    name: Name,
    request: AdminRequest<Name>,
    options: CallOptions,
  ): Promise<void> | null;
  /** Before what only root may, and is no rpc of the table: Snapshot. */
  authorizeRoot(options: CallOptions): Promise<void> | null;
}

export interface ServerAuthModules {
  readonly store: Store;
  readonly kv: Member;
  readonly scope: Scope;
  readonly clock: Clock;
  readonly random: Random;
}

export function openAuth(base: AuthBase, modules: ServerAuthModules): ServerAuth {
  const { store, kv, scope, clock } = modules;
  const { auth } = store;
  const limits = { jobsPendingMax: passwordJobsMax, idleMs: passwordIdleMs };
  const hasher = new PasswordThread(limits, { clock });
  scope.defer(() => hasher.close());
  const passwords = new Passwords({ cost: base.options.bcryptCost }, { hasher });
  const tokens = tokensOf(base, modules);
  const barrier = (signal?: AbortSignal): Promise<void> => kv.barrier(signal);
  const authenticator = new Authenticator({ table: auth.table, passwords, tokens, barrier });
  const handlers = authHandlers({
    auth,
    authenticator,
    passwords,
    propose: (kind, request, options) => kv.propose(kind, request, options),
    barrier,
  });
  return {
    tokens,
    handlers,
    http: new HttpAuthority({ auth, authenticator, tokens, pass: new AgentPass(auth), barrier }),
    authorize(name, request, { caller, signal }) {
      const check = (): void => auth.access.admin(name, request, caller);
      if (caller !== undefined && judgedOnlyHere.has(name)) return barrier(signal).then(check);
      return permitted(check, () => barrier(signal));
    },
    authorizeRoot: ({ caller, signal }) =>
      permitted(
        () => auth.access.root(caller),
        () => barrier(signal),
      ),
  };
}

function tokensOf(base: AuthBase, { store, kv, clock, random }: ServerAuthModules): Tokens {
  const authRevision = (): number => store.auth.table.revision;
  if (base.jwt) return base.jwt({ authRevision, clock });
  return new SimpleTokens(base.table, {
    propose: async (user, prefix, revision) => {
      const grant = { user, token: prefix, authRevision: revision };
      return (await kv.propose("auth-token", grant)).token;
    },
    appliedIndex: () => store.appliedIndex,
    authRevision,
    barrier: () => kv.barrier(),
    clock,
    random,
  });
}
