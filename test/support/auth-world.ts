/** Users, roles and leases without a store around them: what the tests of auth drive. */
import { LeaseId } from "../../src/base/ids.ts";
import type { AdminRequest, AdminRpc } from "../../src/store/admin.ts";
import { Auth } from "../../src/store/auth/auth.ts";
import type { AuthCommand, AuthKind } from "../../src/store/auth/commands.ts";
import type { CommandRequests } from "../../src/store/command.ts";
import { KvError } from "../../src/store/errors.ts";
import type { Caller } from "../../src/store/kv.ts";
import type { RowWrite, StoreWrite } from "../../src/store/storage.ts";
import { PermissionType } from "../../src/store/wire/admin-messages.ts";

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

export class AuthWorld {
  readonly leases = new Map<LeaseId, { id: LeaseId; keys: Set<string> }>();
  readonly tokens = new Map<string, string>();
  readonly auth: Auth;
  writes: StoreWrite[] = [];
  changes = 0;
  #index = 0;

  constructor() {
    const { tokens } = this;
    this.auth = new Auth({
      leases: this.leases,
      tokens: {
        grant: (user, token) => void tokens.set(token, user),
        forgetUser(user) {
          for (const [token, owner] of tokens) if (owner === user) tokens.delete(token);
        },
        forgetAll: () => tokens.clear(),
      },
      changed: () => void this.changes++,
    });
  }

  get revision(): number {
    return this.auth.table.revision;
  }

  /** The code of the refusal, or the token if it was assigned one, or null. */
  apply<Kind extends AuthKind>(kind: Kind, request: CommandRequests[Kind]): string | null {
    this.#index += 1;
    const command = { kind, request, requestId: 1n, wallMs: 0 } as unknown as AuthCommand;
    return codeOf(() => this.auth.apply(command, this.#index, this.writes));
  }

  addUser(name: string, ...roles: string[]): void {
    this.apply("user-add", {
      name,
      password: "",
      options: undefined,
      hashedPassword: hashed(`hash of ${name}`),
    });
    for (const role of roles) this.apply("user-grant-role", { user: name, role });
  }

  /** `kind` READ, WRITE or READWRITE. */
  grant(role: string, kind: keyof typeof PermissionType, key: string, end = ""): string | null {
    if (this.auth.table.role(role) === undefined) this.apply("role-add", { name: role });
    const perm = { permType: PermissionType[kind], key: bytes(key), range_end: bytes(end) };
    return this.apply("role-grant-permission", { name: role, perm });
  }

  /** Root with its role, and auth on. */
  enable(): void {
    this.addUser("root", "root");
    this.apply("auth-enable", {});
  }

  lease(id: bigint, ...keys: string[]): void {
    this.leases.set(LeaseId(id), { id: LeaseId(id), keys: new Set(keys) });
  }

  as(user: string | null): Caller {
    return { user, authRevision: this.revision };
  }

  admin<Name extends AdminRpc>(name: Name, request: AdminRequest<Name>, user: string | null): string | null {
    return codeOf(() => this.auth.access.admin(name, request, this.as(user)));
  }

  /** A second one from the rows of the first. */
  reloaded(): AuthWorld {
    const rows = new Map<string, RowWrite>();
    for (const write of this.writes as RowWrite[]) rows.set(Buffer.from(write.key).toString("latin1"), write);
    const other = new AuthWorld();
    for (const write of rows.values()) {
      if (write.type === "put") other.auth.table.load(write.key, write.value);
    }
    other.auth.table.loaded();
    return other;
  }
}

/** As a request carries a password's hash. */
export function hashed(text: string): string {
  return Buffer.from(text, "latin1").toString("base64");
}

/** The code of the KvError that `run` throws; else what it returns, or null. */
export function codeOf(run: () => unknown): string | null {
  try {
    const value = run();
    return typeof value === "string" ? value : null;
  } catch (error) {
    if (error instanceof KvError) return error.code;
    throw error;
  }
}
