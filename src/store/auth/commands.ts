/**
 * What each auth command does to the table (etcd.md 9.2, 9.5 to 9.7), with etcd's checks in etcd's order. Who may ask for it
 * was judged before (access.ts). A refused command changes nothing; one that changes something counts one auth revision.
 */
import { assertNever } from "../../base/assert.ts";
import { compareBytes, emptyBytes, equalBytes, utf8 } from "../../base/bytes.ts";
import { type CommandOf, callerNameBytesMax } from "../command.ts";
import { KvError, type KvErrorCode } from "../errors.ts";
import { intervalOf, isEmpty } from "../interval.ts";
import type { StoreWrite } from "../storage.ts";
import type * as admin from "../wire/admin-messages.ts";
import { Permission, Role, User } from "../wire/admin-messages.ts";
import { type AuthTable, rootName } from "./auth-table.ts";
import type { TokenSink } from "./tokens.ts";

/** The kinds that belong here. */
export type AuthKind =
  | "auth-enable"
  | "auth-disable"
  | "auth-token"
  | "user-add"
  | "user-delete"
  | "user-change-password"
  | "user-grant-role"
  | "user-revoke-role"
  | "role-add"
  | "role-delete"
  | "role-grant-permission"
  | "role-revoke-permission";
export type AuthCommand = { [Kind in AuthKind]: CommandOf<Kind> }[AuthKind];

export class AuthCommands {
  readonly #table: AuthTable;
  readonly #tokens: TokenSink;

  constructor(modules: { table: AuthTable; tokens: TokenSink }) {
    this.#table = modules.table;
    this.#tokens = modules.tokens;
  }

  /**
   * `index` is that of the entry, which ends the token it assigns. Returns that token, or null for every other kind. Throws
   * KvError.
   */
  apply(command: AuthCommand, index: number, writes: StoreWrite[]): string | null {
    switch (command.kind) {
      case "auth-token":
        return this.#assignToken(command.request, index);
      case "auth-enable":
        this.#enable(writes);
        break;
      case "auth-disable":
        this.#disable(writes);
        break;
      case "user-add":
        this.#addUser(command.request, writes);
        break;
      case "user-delete":
        this.#deleteUser(command.request, writes);
        break;
      case "user-change-password":
        this.#changePassword(command.request, writes);
        break;
      case "user-grant-role":
        this.#grantRole(command.request, writes);
        break;
      case "user-revoke-role":
        this.#revokeRole(command.request, writes);
        break;
      case "role-add":
        this.#addRole(command.request, writes);
        break;
      case "role-delete":
        this.#deleteRole(command.request, writes);
        break;
      case "role-grant-permission":
        this.#grantPermission(command.request, writes);
        break;
      case "role-revoke-permission":
        this.#revokePermission(command.request, writes);
        break;
      default:
        assertNever(command);
    }
    return null;
  }

  #enable(writes: StoreWrite[]): void {
    if (this.#table.enabled) return;
    const root = this.#table.user(rootName);
    if (root === undefined) throw new KvError("auth.root-user-missing");
    if (!this.#table.isRoot(root)) throw new KvError("auth.root-role-missing");
    this.#tokens.forgetAll();
    this.#table.setEnabled(true, writes);
  }

  #disable(writes: StoreWrite[]): void {
    if (!this.#table.enabled) return;
    this.#tokens.forgetAll();
    this.#table.setEnabled(false, writes);
  }

  /** The password was checked at `authRevision`; if anything has changed since, it has to be checked again. */
  #assignToken({ user, token, authRevision }: admin.AuthTokenGrant, index: number): string {
    if (!this.#table.enabled) throw new KvError("auth.not-enabled");
    if (authRevision < this.#table.revision) throw new KvError("auth.old-revision");
    if (this.#table.user(user) === undefined) throw new KvError("auth.failed");
    const whole = `${token}.${index}`;
    this.#tokens.grant(user, whole);
    return whole;
  }

  #addUser(request: admin.AuthUserAddRequest, writes: StoreWrite[]): void {
    const name = utf8.encode(request.name);
    if (name.length === 0) throw new KvError("auth.user-empty");
    if (name.length > callerNameBytesMax) throw new KvError("kv.request-too-large");
    if (this.#table.user(request.name) !== undefined) throw new KvError("auth.user-exists");
    const { options } = request;
    const password = options?.no_password ? emptyBytes : passwordOf(request.hashedPassword);
    this.#table.setUser(User.create({ name, password, options }), writes);
    this.#table.commit(writes);
  }

  #deleteUser({ name }: admin.AuthUserDeleteRequest, writes: StoreWrite[]): void {
    if (this.#table.enabled && name === rootName) throw new KvError("auth.invalid-management");
    this.#user(name);
    this.#table.deleteUser(name, writes);
    this.#table.commit(writes);
    this.#tokens.forgetUser(name);
  }

  #changePassword(request: admin.AuthUserChangePasswordRequest, writes: StoreWrite[]): void {
    const user = this.#user(request.name);
    const password = user.options?.no_password ? emptyBytes : passwordOf(request.hashedPassword);
    this.#table.setUser({ ...user, password }, writes);
    this.#table.commit(writes);
    this.#tokens.forgetUser(request.name);
  }

  #grantRole(request: admin.AuthUserGrantRoleRequest, writes: StoreWrite[]): void {
    const user = this.#user(request.user);
    if (request.role !== rootName) this.#role(request.role);
    if (user.roles.includes(request.role)) return;
    this.#table.setUser({ ...user, roles: sorted([...user.roles, request.role]) }, writes);
    this.#table.commit(writes);
  }

  #revokeRole({ name, role }: admin.AuthUserRevokeRoleRequest, writes: StoreWrite[]): void {
    if (this.#table.enabled && name === rootName && role === rootName) {
      throw new KvError("auth.invalid-management");
    }
    const user = this.#user(name);
    if (!user.roles.includes(role)) throw new KvError("auth.role-not-granted");
    this.#table.setUser({ ...user, roles: user.roles.filter((held) => held !== role) }, writes);
    this.#table.commit(writes);
  }

  #addRole({ name }: admin.AuthRoleAddRequest, writes: StoreWrite[]): void {
    if (name === "") throw new KvError("auth.role-empty");
    if (this.#table.role(name) !== undefined) throw new KvError("auth.role-exists");
    this.#table.setRole(Role.create({ name: utf8.encode(name) }), writes);
    this.#table.commit(writes);
  }

  #deleteRole({ role }: admin.AuthRoleDeleteRequest, writes: StoreWrite[]): void {
    if (this.#table.enabled && role === rootName) throw new KvError("auth.invalid-management");
    this.#role(role);
    this.#table.deleteRole(role, writes);
    for (const name of this.#table.userNames()) {
      const user = this.#table.user(name)!;
      if (!user.roles.includes(role)) continue;
      this.#table.setUser({ ...user, roles: user.roles.filter((held) => held !== role) }, writes);
    }
    this.#table.commit(writes);
  }

  #grantPermission({ name, perm }: admin.AuthRoleGrantPermissionRequest, writes: StoreWrite[]): void {
    if (perm === undefined) throw new KvError("auth.permission-not-given");
    if (perm.permType > 2 || isEmpty(intervalOf(perm.key, perm.range_end))) {
      throw new KvError("auth.invalid-management");
    }
    const role = this.#role(name);
    const others = role.keyPermission.filter((held) => !isSameRange(held, perm));
    const keyPermission = [...others, Permission.create(perm)];
    keyPermission.sort(
      (left, right) => compareBytes(left.key, right.key) || compareBytes(left.range_end, right.range_end),
    );
    this.#table.setRole({ ...role, keyPermission }, writes);
    this.#table.commit(writes);
  }

  #revokePermission(request: admin.AuthRoleRevokePermissionRequest, writes: StoreWrite[]): void {
    const role = this.#role(request.role);
    const keyPermission = role.keyPermission.filter((held) => !isSameRange(held, request));
    if (keyPermission.length === role.keyPermission.length) {
      throw new KvError("auth.permission-not-granted");
    }
    this.#table.setRole({ ...role, keyPermission }, writes);
    this.#table.commit(writes);
  }

  #user(name: string): User {
    return found(this.#table.user(name), "auth.user-not-found");
  }

  #role(name: string): Role {
    return found(this.#table.role(name), "auth.role-not-found");
  }
}

function found<Thing>(thing: Thing | undefined, missing: KvErrorCode): Thing {
  if (thing === undefined) throw new KvError(missing);
  return thing;
}

/** The bcrypt text, of which the request has the base64 (etcd.md 9.12). */
function passwordOf(hashed: string): Uint8Array {
  return Buffer.from(hashed, "base64");
}

function sorted(names: readonly string[]): string[] {
  return [...names].sort((left, right) => compareBytes(utf8.encode(left), utf8.encode(right)));
}

function isSameRange(
  left: Pick<Permission, "key" | "range_end">,
  right: Pick<Permission, "key" | "range_end">,
): boolean {
  return equalBytes(left.key, right.key) && equalBytes(left.range_end, right.range_end);
}
