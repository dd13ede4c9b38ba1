/**
 * Users, roles, the enabled flag and the auth revision (etcd.md 9.1): the replicated state of auth and its rows. Rows hold
 * etcd's own messages (authpb.User, authpb.Role), so that a snapshot in etcd's format takes them as they are. What may change
 * is decided in commands.ts; here a change is stored, counted and told.
 */
import { compareBytes, utf8 } from "../../base/bytes.ts";
import { RowError } from "../errors.ts";
import type { StoreWrite } from "../storage.ts";
import { Table } from "../tables.ts";
import { Role, User } from "../wire/admin-messages.ts";
import { bool, int64, message } from "../wire/protobuf.ts";

/** The user and the role of this name may do everything (etcd.md 9.8). */
export const rootName = "root";

/** The one row of the auth table. */
export const AuthRow = message({ enabled: bool(1), revision: int64(2) });

/** etcd.md 9.1: 1 before anything was changed. */
const firstRevision = 1;

export class AuthTable {
  readonly #users = new Map<string, User>();
  readonly #roles = new Map<string, Role>();
  readonly #changed: () => void;
  #enabled = false;
  #revision = firstRevision;

  /** `changed` is called after every change of the auth revision, and after a load. */
  constructor(modules: { changed: () => void }) {
    this.#changed = modules.changed;
  }

  get enabled(): boolean {
    return this.#enabled;
  }

  /** +1 on every change of users, roles, permissions, and of the flag. */
  get revision(): number {
    return this.#revision;
  }

  user(name: string): User | undefined {
    return this.#users.get(name);
  }

  role(name: string): Role | undefined {
    return this.#roles.get(name);
  }

  /** Sorted bytewise, as etcd lists them. */
  userNames(): string[] {
    return sortedNames(this.#users);
  }

  roleNames(): string[] {
    return sortedNames(this.#roles);
  }

  /** Whether the user holds role root. */
  isRoot(user: User): boolean {
    return user.roles.includes(rootName);
  }

  setEnabled(enabled: boolean, writes: StoreWrite[]): void {
    this.#enabled = enabled;
    this.commit(writes);
  }

  setUser(user: User, writes: StoreWrite[]): void {
    const value = User.encode(user);
    // Decoded from its encoding: shares nothing with the bytes of the command.
    this.#users.set(utf8.decode(user.name), User.decode(value));
    writes.push({ type: "put", key: rowKey(Table.authUser, user.name), value });
  }

  setRole(role: Role, writes: StoreWrite[]): void {
    const value = Role.encode(role);
    this.#roles.set(utf8.decode(role.name), Role.decode(value));
    writes.push({ type: "put", key: rowKey(Table.authRole, role.name), value });
  }

  deleteUser(name: string, writes: StoreWrite[]): void {
    this.#users.delete(name);
    writes.push({ type: "del", key: rowKey(Table.authUser, utf8.encode(name)) });
  }

  deleteRole(name: string, writes: StoreWrite[]): void {
    this.#roles.delete(name);
    writes.push({ type: "del", key: rowKey(Table.authRole, utf8.encode(name)) });
  }

  /** Ends a change: one revision for all of it. */
  commit(writes: StoreWrite[]): void {
    this.#revision += 1;
    const value = AuthRow.encode({ enabled: this.#enabled, revision: this.#revision });
    writes.push({ type: "put", key: rowKey(Table.auth, utf8.encode("")), value });
    this.#changed();
  }

  /** Takes a row of one of the three tables. */
  load(key: Uint8Array, value: Uint8Array): void {
    const table = key[0];
    if (table === Table.auth) {
      const { enabled, revision } = AuthRow.decode(value);
      if (revision < firstRevision) throw new RowError(Buffer.from(key).toString("hex"), "has no revision");
      this.#enabled = enabled;
      this.#revision = revision;
    } else if (table === Table.authUser) {
      this.#users.set(utf8.decode(key.subarray(1)), User.decode(Buffer.from(value)));
    } else {
      this.#roles.set(utf8.decode(key.subarray(1)), Role.decode(Buffer.from(value)));
    }
  }

  loaded(): void {
    this.#changed();
  }

  reset(): void {
    this.#users.clear();
    this.#roles.clear();
    this.#enabled = false;
    this.#revision = firstRevision;
  }

  /** All of it as bytes, in a fixed order: for the hash of the whole state. */
  *encoded(): Iterable<Uint8Array> {
    yield AuthRow.encode({ enabled: this.#enabled, revision: this.#revision });
    for (const name of this.userNames()) yield User.encode(this.#users.get(name)!);
    for (const name of this.roleNames()) yield Role.encode(this.#roles.get(name)!);
  }
}

function rowKey(table: number, name: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([table]), name]);
}

function sortedNames(named: ReadonlyMap<string, unknown>): string[] {
  return [...named.keys()].sort((left, right) => compareBytes(utf8.encode(left), utf8.encode(right)));
}
