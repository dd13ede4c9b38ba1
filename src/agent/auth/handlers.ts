/**
 * The Auth service (etcd.md 9). Changes are commands: a password is hashed before, so that its clear text is never in the log.
 * What only reads is answered from this member's state after a read round. Who may call was judged before (agent/admin), and
 * is judged again on the state that answers.
 */
import type { AdminHandler, AdminHandlers, AdminRequest, AdminRpc } from "../../store/admin.ts";
import type { Auth } from "../../store/auth/auth.ts";
import { rootName } from "../../store/auth/auth-table.ts";
import type { CommandKind, CommandRequests, CommandResponses } from "../../store/command.ts";
import { KvError } from "../../store/errors.ts";
import type { CallOptions } from "../../store/kv.ts";
import { type Permission, PermissionType } from "../../store/wire/admin-messages.ts";
import type { Authenticator } from "./authenticator.ts";
import type { Passwords } from "./passwords.ts";

export interface AuthHandlersModules {
  readonly auth: Auth;
  readonly authenticator: Authenticator;
  readonly passwords: Passwords;
  readonly propose: <Kind extends CommandKind>(
    kind: Kind,
    request: CommandRequests[Kind],
    options: CallOptions,
  ) => Promise<CommandResponses[Kind] & object>;
  readonly barrier: (signal?: AbortSignal) => Promise<void>;
}

/** The rpcs of the Auth service. */
export type AuthRpc =
  | "AuthEnable"
  | "AuthDisable"
  | "AuthStatus"
  | "Authenticate"
  | `User${"Add" | "Get" | "List" | "Delete" | "ChangePassword" | "GrantRole" | "RevokeRole"}`
  | `Role${"Add" | "Get" | "List" | "Delete" | "GrantPermission" | "RevokePermission"}`;

/** What RoleGet shows of role root, whatever is stored: it passes everything (etcd.md 9.7, 9.9). */
const rootPermission: Permission = {
  permType: PermissionType.READWRITE,
  key: new Uint8Array(0),
  range_end: Uint8Array.of(0),
};

export function authHandlers(modules: AuthHandlersModules): Pick<AdminHandlers, AuthRpc> {
  const { auth, authenticator, passwords, propose, barrier } = modules;
  const { table, access } = auth;
  const header = undefined;

  /** The state to answer from, for a caller that may see it. */
  const current = async <Name extends AdminRpc>(
    name: Name,
    request: AdminRequest<Name>,
    { signal, caller }: CallOptions,
  ): Promise<void> => {
    await barrier(signal);
    access.admin(name, request, caller);
  };
  const asCommand =
    <Kind extends CommandKind>(kind: Kind) =>
    (request: CommandRequests[Kind], { signal, caller }: CallOptions) =>
      propose(kind, request, callOptions(signal, caller));

  const handlers: { readonly [Name in AuthRpc]: AdminHandler<Name> } = {
    AuthEnable: asCommand("auth-enable"),
    AuthDisable: asCommand("auth-disable"),
    AuthStatus: async (_request, { signal }) => {
      await barrier(signal);
      return { header, enabled: table.enabled, authRevision: table.revision };
    },
    Authenticate: async ({ name, password }, { signal }) => ({
      header,
      token: await authenticator.authenticate(name, password, signal),
    }),
    UserAdd: async (request, { signal, caller }) => {
      if (request.name === "") throw new KvError("auth.user-empty");
      const hashedPassword = request.options?.no_password ? "" : await hashOf(request, passwords);
      return propose("user-add", { ...request, password: "", hashedPassword }, callOptions(signal, caller));
    },
    UserChangePassword: async (request, { signal, caller }) => {
      const hashedPassword = await hashOf(request, passwords);
      return propose(
        "user-change-password",
        { ...request, password: "", hashedPassword },
        callOptions(signal, caller),
      );
    },
    UserGet: async (request, options) => {
      await current("UserGet", request, options);
      const user = table.user(request.name);
      if (user === undefined) throw new KvError("auth.user-not-found");
      return { header, roles: [...user.roles] };
    },
    UserList: async (request, options) => {
      await current("UserList", request, options);
      return { header, users: table.userNames() };
    },
    UserDelete: asCommand("user-delete"),
    UserGrantRole: asCommand("user-grant-role"),
    UserRevokeRole: asCommand("user-revoke-role"),
    RoleAdd: asCommand("role-add"),
    RoleGet: async (request, options) => {
      await current("RoleGet", request, options);
      const role = table.role(request.role);
      if (role === undefined) throw new KvError("auth.role-not-found");
      return { header, perm: request.role === rootName ? [rootPermission] : [...role.keyPermission] };
    },
    RoleList: async (request, options) => {
      await current("RoleList", request, options);
      return { header, roles: table.roleNames() };
    },
    RoleDelete: asCommand("role-delete"),
    RoleGrantPermission: asCommand("role-grant-permission"),
    RoleRevokePermission: asCommand("role-revoke-permission"),
  };
  return handlers;
}

/** An empty password is a password; a hash counts only without one (etcd.md 9.6, 9.12). */
function hashOf(
  { password, hashedPassword }: { password: string; hashedPassword: string },
  passwords: Passwords,
): Promise<string> | string {
  return password === "" && hashedPassword !== ""
    ? passwords.given(hashedPassword)
    : passwords.hashed(password);
}

/** Without the bytes as received: a command carries what was made of them. */
function callOptions(signal: AbortSignal | undefined, caller: CallOptions["caller"]): CallOptions {
  return { ...(signal ? { signal } : {}), ...(caller ? { caller } : {}) };
}
