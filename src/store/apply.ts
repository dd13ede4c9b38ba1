/**
 * What each kind of command does to the state. One method per kind, each in the same order: checks that need no state, checks
 * that do, then the change, which cannot fail. Time comes from the command, never from a clock.
 */
import { assertNever } from "../base/assert.ts";
import { type Index, LeaseId } from "../base/ids.ts";
import type { AlarmTable } from "./alarms.ts";
import type { Auth } from "./auth/auth.ts";
import type { AuthCommand } from "./auth/commands.ts";
import { checkDeleteRange, checkLeaseGrant, checkPut, checkTxn } from "./check.ts";
import type { Command, CommandKind, CommandOf, CommandResponses } from "./command.ts";
import { txnCost } from "./cost.ts";
import { KvError } from "./errors.ts";
import { headerOf } from "./header.ts";
import type { LeaseTable } from "./lease/lease-table.ts";
import type { MemberTable } from "./members.ts";
import type { Compaction } from "./mvcc/compaction.ts";
import type { Keyspace } from "./mvcc/keyspace.ts";
import { Revision } from "./mvcc/revision.ts";
import { checkPutKey, checkPutLease, planTxn, runTxn } from "./mvcc/txn.ts";
import type { StoreOptions } from "./options.ts";
import type { StoreWrite } from "./storage.ts";
import type {
  AlarmRequest,
  AlarmResponse,
  AuthenticateResponse,
  MemberAddResponse,
  MemberChange,
} from "./wire/admin-messages.ts";
import type * as wire from "./wire/messages.ts";

/** The response of a kind; null for commands that nobody waits for. */
export type Applied<Kind extends CommandKind> = CommandResponses[Kind];

export interface ApplierModules {
  readonly keyspace: Keyspace;
  readonly leases: LeaseTable;
  readonly members: MemberTable;
  readonly compaction: Compaction;
  readonly alarms: AlarmTable;
  readonly auth: Auth;
}

export class Applier {
  readonly #options: StoreOptions;
  readonly #modules: ApplierModules;

  constructor(options: StoreOptions, modules: ApplierModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** `index` is the entry's. Throws KvError if the command is refused; nothing has changed then. */
  apply<Kind extends CommandKind>(
    command: CommandOf<Kind>,
    index: Index,
    writes: StoreWrite[],
  ): Applied<Kind> {
    return this.#dispatch(command as unknown as Command, index, writes) as Applied<Kind>;
  }

  #dispatch(command: Command, index: Index, writes: StoreWrite[]): Applied<CommandKind> {
    this.#modules.auth.access.command(command);
    switch (command.kind) {
      case "put":
        return this.#put(command.request, writes);
      case "delete-range":
        return this.#deleteRange(command.request, writes);
      case "txn":
        return this.#txn(command.request, writes);
      case "compact":
        return this.#compact(command.request, writes);
      case "lease-grant":
        return this.#leaseGrant(command.request, command.requestId, writes);
      case "lease-revoke":
        return this.#leaseRevoke(command.request, writes);
      case "lease-expire":
        return this.#leaseExpire(command.request, writes);
      case "lease-checkpoint":
        return this.#leaseCheckpoint(command.request, writes);
      case "member-attributes":
        this.#modules.members.setAttributes(command.request, writes);
        return null;
      case "member-change":
        return this.#memberChange(command.request, writes);
      case "alarm":
        return this.#alarm(command.request, writes);
      case "auth-enable":
      case "auth-disable":
      case "auth-token":
      case "user-add":
      case "user-delete":
      case "user-change-password":
      case "user-grant-role":
      case "user-revoke-role":
      case "role-add":
      case "role-delete":
      case "role-grant-permission":
      case "role-revoke-permission":
        return this.#auth(command, index, writes);
      default:
        return assertNever(command);
    }
  }

  #put(request: wire.PutRequest, writes: StoreWrite[]): wire.PutResponse {
    this.#modules.alarms.checkWhole();
    checkPut(request);
    checkPutLease(request, this.#modules);
    checkPutKey(request, this.#modules);
    this.#modules.alarms.checkSpace();
    const revision = new Revision(this.#modules);
    const response = revision.put(request);
    revision.close(writes);
    return response;
  }

  #deleteRange(request: wire.DeleteRangeRequest, writes: StoreWrite[]): wire.DeleteRangeResponse {
    this.#modules.alarms.checkWhole();
    checkDeleteRange(request);
    const revision = new Revision(this.#modules);
    const response = revision.deleteRange(request);
    revision.close(writes);
    return response;
  }

  #txn(request: wire.TxnRequest, writes: StoreWrite[]): wire.TxnResponse {
    this.#modules.alarms.checkWhole();
    checkTxn(request, this.#options);
    const plan = planTxn(request, this.#modules);
    if (txnCost(request) > 0) this.#modules.alarms.checkSpace();
    const revision = new Revision(this.#modules);
    const response = runTxn(plan, this.#modules.keyspace, revision);
    revision.close(writes);
    return response;
  }

  #compact(request: wire.CompactionRequest, writes: StoreWrite[]): wire.CompactionResponse {
    const { keyspace, compaction, alarms } = this.#modules;
    alarms.checkWhole();
    if (request.revision > keyspace.revision) throw new KvError("kv.future-revision");
    if (request.revision <= keyspace.compactRevision) throw new KvError("kv.compacted");
    compaction.schedule(request.revision, writes);
    return { header: headerOf(keyspace.revision) };
  }

  #leaseGrant(
    request: wire.LeaseGrantRequest,
    requestId: bigint,
    writes: StoreWrite[],
  ): wire.LeaseGrantResponse {
    const { leases, keyspace, alarms } = this.#modules;
    alarms.checkWhole();
    checkLeaseGrant(request);
    const id = request.ID === 0n ? this.#freeLeaseId(requestId) : LeaseId(request.ID);
    if (leases.get(id) !== undefined) throw new KvError("kv.lease-exists");
    alarms.checkSpace();
    const ttlSeconds = Math.max(request.TTL, this.#options.leaseMinTtlSeconds);
    leases.grant(id, ttlSeconds, writes);
    return { header: headerOf(keyspace.revision), ID: id, TTL: ttlSeconds, error: "" };
  }

  /** Positive and of 63 bits, from the request id, so that every member chooses the same. */
  #freeLeaseId(requestId: bigint): LeaseId {
    let id = BigInt.asUintN(63, requestId);
    while (id === 0n || this.#modules.leases.get(LeaseId(id)) !== undefined) {
      id = BigInt.asUintN(63, id + 1n);
    }
    return LeaseId(id);
  }

  #leaseRevoke(request: wire.LeaseRevokeRequest, writes: StoreWrite[]): wire.LeaseRevokeResponse {
    const id = LeaseId(request.ID);
    this.#modules.alarms.checkWhole();
    if (this.#modules.leases.get(id) === undefined) throw new KvError("kv.lease-not-found");
    this.#endLease(id, writes);
    return { header: headerOf(this.#modules.keyspace.revision) };
  }

  #leaseExpire(request: wire.LeaseExpire, writes: StoreWrite[]): null {
    this.#modules.alarms.checkWhole();
    for (const id of request.IDs) {
      if (this.#modules.leases.get(LeaseId(id)) !== undefined) this.#endLease(LeaseId(id), writes);
    }
    return null;
  }

  /** All keys of a lease go in one revision of their own (etcd.md 6); without keys the revision does not move. */
  #endLease(id: LeaseId, writes: StoreWrite[]): void {
    const names = this.#modules.leases.detachAll(id);
    const revision = new Revision(this.#modules);
    revision.deleteAll(names);
    revision.close(writes);
    this.#modules.leases.remove(id, writes);
  }

  #alarm(request: AlarmRequest, writes: StoreWrite[]): AlarmResponse {
    const alarms = this.#modules.alarms.apply(request, writes);
    return { header: headerOf(this.#modules.keyspace.revision), alarms };
  }

  #auth(command: AuthCommand, index: Index, writes: StoreWrite[]): AuthenticateResponse {
    const token = this.#modules.auth.apply(command, index, writes);
    return { header: headerOf(this.#modules.keyspace.revision), token: token ?? "" };
  }

  #leaseCheckpoint(request: wire.LeaseCheckpoints, writes: StoreWrite[]): null {
    for (const { ID, remaining_ms } of request.checkpoints) {
      this.#modules.leases.checkpoint(LeaseId(ID), remaining_ms, writes);
    }
    return null;
  }

  #memberChange(request: MemberChange, writes: StoreWrite[]): MemberAddResponse {
    const { members, keyspace } = this.#modules;
    members.change(request, writes);
    return { header: headerOf(keyspace.revision), member: request.member, members: members.list() };
  }
}
