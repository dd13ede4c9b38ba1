/**
 * Who may do what (etcd.md 9.8, 9.9, 8.9). One method per kind of request; all throw KvError and change nothing. Asked when a
 * command is applied (9.10), before a read is answered, and by the member before it proposes, so that a refused write costs
 * no log entry. A call without a caller is the cluster's own and may do everything; so may everybody while auth is off.
 *
 * For keys, the order of refusals is etcd's: nobody said who calls, then the identity is older than the auth store, then
 * the permission itself.
 */
import { toLatin1 } from "../../base/bytes.ts";
import type { LeaseId } from "../../base/ids.ts";
import type { AdminRequest, AdminRpc } from "../admin.ts";
import type { Command } from "../command.ts";
import { KvError } from "../errors.ts";
import { type Interval, intervalOf } from "../interval.ts";
import type { Caller } from "../kv.ts";
import { AlarmAction, type AlarmRequest, type Role, type User } from "../wire/admin-messages.ts";
import type * as wire from "../wire/messages.ts";
import type { AuthTable } from "./auth-table.ts";
import { covers, holds, permissionsOf, type UserPermissions } from "./permissions.ts";

type MaybeCaller = Caller | undefined;
/** Everything that has an interval of keys as the API has it. */
type Keys = { readonly key: Uint8Array; readonly range_end: Uint8Array };
const key0 = Uint8Array.of(0);

/** What is asked of leases: which keys hang on them. */
export interface AttachedKeys {
  get(id: LeaseId): { readonly keys: ReadonlySet<string> } | undefined;
  values(): Iterable<{ readonly id: LeaseId; readonly keys: ReadonlySet<string> }>;
}

export class Access {
  readonly #table: AuthTable;
  readonly #leases: AttachedKeys;
  /** Joined permissions of users that asked since the last change. Never more than there are users. */
  readonly #permissions = new Map<string, UserPermissions>();

  constructor(modules: { table: AuthTable; leases: AttachedKeys }) {
    this.#table = modules.table;
    this.#leases = modules.leases;
  }

  /** Users, roles or permissions changed. */
  forget(): void {
    this.#permissions.clear();
  }

  /** Whether nothing needs to be asked. */
  isOpen(caller: MaybeCaller): boolean {
    return !this.#table.enabled || caller === undefined;
  }

  command(command: Command): void {
    const { caller } = command;
    if (this.isOpen(caller)) return;
    switch (command.kind) {
      case "put":
        this.put(command.request, caller);
        return;
      case "delete-range":
        this.deleteRange(command.request, caller);
        return;
      case "txn":
        this.txn(command.request, caller);
        return;
      case "lease-grant":
        this.identified(caller);
        return;
      case "lease-revoke":
        this.leaseWrite(command.request.ID, caller);
        return;
      case "alarm":
        this.#alarm(command.request, caller);
        return;
      default:
        this.root(caller);
    }
  }

  /** Any user that the store knows. */
  identified(caller: MaybeCaller): void {
    if (!this.isOpen(caller)) this.#known(caller!);
  }

  root(caller: MaybeCaller): void {
    if (this.isOpen(caller)) return;
    if (!this.#table.isRoot(this.#known(caller!))) throw new KvError("auth.permission-denied");
  }

  range(request: Keys, caller: MaybeCaller): void {
    this.#keys("read", request, caller);
  }

  /** By the interval as the client sent it: a missing key is the lowest one, a zero byte has no end (etcd.md 5.2, 5.15). */
  watch({ key, range_end }: Keys, caller: MaybeCaller): void {
    this.#keys("read", { key: key.length === 0 ? key0 : key, range_end }, caller);
  }

  put(request: wire.PutRequest, caller: MaybeCaller): void {
    if (this.isOpen(caller)) return;
    this.#key("write", toLatin1(request.key), caller!);
    // Whoever attaches a key can have it deleted with the lease, and with it all the lease's other keys.
    if (request.lease !== 0n) this.leaseWrite(request.lease, caller);
    if (request.prev_kv) this.#key("read", toLatin1(request.key), caller!);
  }

  deleteRange(request: wire.DeleteRangeRequest, caller: MaybeCaller): void {
    this.#keys("write", request, caller);
    if (request.prev_kv) this.#keys("read", request, caller);
  }

  /** Every compare, and every operation of both branches, whichever will run: also what does not run tells something. */
  txn(request: wire.TxnRequest, caller: MaybeCaller): void {
    if (this.isOpen(caller)) return;
    this.#checkedUser(caller!);
    this.#txn(request, caller);
  }

  #txn(request: wire.TxnRequest, caller: MaybeCaller): void {
    for (const compare of request.compare) this.range(compare, caller);
    for (const operations of [request.success, request.failure]) {
      for (const operation of operations) {
        if (operation.request_range) this.range(operation.request_range, caller);
        else if (operation.request_put) this.put(operation.request_put, caller);
        else if (operation.request_delete_range) this.deleteRange(operation.request_delete_range, caller);
        else if (operation.request_txn) this.#txn(operation.request_txn, caller);
      }
    }
  }

  /** Revoke and keepalive: WRITE on every key of the lease. An unknown lease has none. */
  leaseWrite(id: bigint, caller: MaybeCaller): void {
    this.#leaseKeys("write", id, caller);
  }

  /** TimeToLive: READ on every key of the lease. */
  leaseRead(id: bigint, caller: MaybeCaller): void {
    this.#leaseKeys("read", id, caller);
  }

  /** Leases: READ on every key of every lease. */
  leases(caller: MaybeCaller): void {
    if (this.isOpen(caller)) return;
    if (this.#table.isRoot(this.#checkedUser(caller!))) return;
    for (const { id } of this.#leases.values()) this.#leaseKeys("read", id, caller);
  }

  /** READ on keys that an answer of another member names. */
  readEach(keys: readonly Uint8Array[], caller: MaybeCaller): void {
    if (this.isOpen(caller)) return;
    this.#checkedUser(caller!);
    for (const key of keys) this.#key("read", toLatin1(key), caller!);
  }

  /** The admin rpcs (etcd.md 8.9, 9.8). What is not named here is for root. */
  admin<Name extends AdminRpc>(name: Name, request: AdminRequest<Name>, caller: MaybeCaller): void {
    if (this.isOpen(caller)) return;
    switch (name) {
      case "Authenticate":
      case "AuthStatus":
        return;
      case "Alarm":
        this.#alarm(request as AdminRequest<"Alarm">, caller);
        return;
      case "UserGet":
        if (this.#known(caller!) && (request as AdminRequest<"UserGet">).name === caller!.user) return;
        break;
      case "RoleGet":
        if (this.#known(caller!).roles.includes((request as AdminRequest<"RoleGet">).role)) return;
        break;
      default:
    }
    this.root(caller);
  }

  #alarm({ action }: AlarmRequest, caller: MaybeCaller): void {
    if (action === AlarmAction.GET) this.identified(caller);
    else this.root(caller);
  }

  #leaseKeys(kind: "read" | "write", id: bigint, caller: MaybeCaller): void {
    if (this.isOpen(caller)) return;
    const user = this.#checkedUser(caller!);
    const lease = this.#leases.get(id as LeaseId);
    if (lease === undefined || this.#table.isRoot(user)) return;
    for (const name of lease.keys) this.#key(kind, name, caller!);
  }

  /** One key, in the form in which keys live in memory. */
  #key(kind: "read" | "write", name: string, caller: Caller): void {
    const user = this.#checkedUser(caller);
    if (this.#table.isRoot(user)) return;
    if (!holds(this.#permissionsOf(caller.user!, user)[kind], name))
      throw new KvError("auth.permission-denied");
  }

  #keys(kind: "read" | "write", { key, range_end }: Keys, caller: MaybeCaller): void {
    if (this.isOpen(caller)) return;
    const user = this.#checkedUser(caller!);
    if (this.#table.isRoot(user)) return;
    const wanted: Interval = intervalOf(key, range_end);
    const granted = this.#permissionsOf(caller!.user!, user)[kind];
    if (!covers(granted, wanted)) throw new KvError("auth.permission-denied");
  }

  #permissionsOf(name: string, user: User): UserPermissions {
    let permissions = this.#permissions.get(name);
    if (permissions === undefined) {
      const roles = user.roles.map((role) => this.#table.role(role)).filter((role): role is Role => !!role);
      permissions = permissionsOf(roles);
      this.#permissions.set(name, permissions);
    }
    return permissions;
  }

  #known(caller: Caller): User {
    if (caller.user === null) throw new KvError("auth.user-empty");
    const user = this.#table.user(caller.user);
    if (user === undefined) throw new KvError("auth.permission-denied");
    return user;
  }

  /** As `#known`, of a caller whose identity is as new as the auth store (etcd.md 9.4). */
  #checkedUser(caller: Caller): User {
    if (caller.user === null) throw new KvError("auth.user-empty");
    if (caller.authRevision < this.#table.revision) throw new KvError("auth.old-revision");
    return this.#known(caller);
  }
}
