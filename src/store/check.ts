/**
 * What can be said about a request without looking at the store (etcd.md 4.3 to 4.5, 6). A member checks before it proposes,
 * so that a bad request costs no log entry; the store checks again, so that no log can break it. All throw KvError.
 */

import { checkTxnKeys } from "./check-txn.ts";
import { KvError } from "./errors.ts";
import type * as wire from "./wire/messages.ts";

export interface CheckOptions {
  /** Compares, success operations and failure operations each (etcd.md 15.1). */
  readonly txnOperationsMax: number;
}

/**
 * Compares and operations of a txn with all that is nested in it, as a multiple of `txnOperationsMax`. Ours: etcd bounds each
 * level only, so that 42 x 42 x 42 operations pass there and hold up every member while they are checked and run.
 */
const txnOperationsTotalFactor = 16;

/** Largest TTL that can be asked for, in seconds (etcd.md 6). */
export const leaseTtlSecondsMax = 9_000_000_000;

export function checkRange(request: wire.RangeRequest): void {
  if (request.key.length === 0) throw new KvError("kv.empty-key");
  if (request.sort_order > 2 || request.sort_target > 4) throw new KvError("kv.invalid-sort");
}

export function checkPut(request: wire.PutRequest): void {
  if (request.key.length === 0) throw new KvError("kv.empty-key");
  if (request.ignore_value && request.value.length > 0) throw new KvError("kv.value-provided");
  if (request.ignore_lease && request.lease !== 0n) throw new KvError("kv.lease-provided");
}

export function checkDeleteRange(request: wire.DeleteRangeRequest): void {
  if (request.key.length === 0) throw new KvError("kv.empty-key");
}

export function checkLeaseGrant(request: wire.LeaseGrantRequest): void {
  if (request.TTL > leaseTtlSecondsMax) throw new KvError("kv.lease-ttl-too-large");
}

export function checkTxn(request: wire.TxnRequest, options: CheckOptions): void {
  const { txnOperationsMax } = options;
  checkOperations(request, txnOperationsMax, { left: txnOperationsMax * txnOperationsTotalFactor });
  checkTxnKeys(request);
}

/** `operationsMax` is what this level may have; `total` is shared by all levels. */
function checkOperations(request: wire.TxnRequest, operationsMax: number, total: { left: number }): void {
  const { compare: compares, success, failure } = request;
  const most = Math.max(compares.length, success.length, failure.length);
  total.left -= compares.length + success.length + failure.length;
  if (most > operationsMax || total.left < 0) throw new KvError("kv.too-many-operations");
  for (const compare of compares) {
    if (compare.key.length === 0) throw new KvError("kv.empty-key");
  }
  for (const operations of [success, failure]) {
    for (const operation of operations) checkOperation(operation, operationsMax - most, total);
  }
}

function checkOperation(operation: wire.RequestOp, nestedMax: number, total: { left: number }): void {
  if (operation.request_range) checkRange(operation.request_range);
  else if (operation.request_put) checkPut(operation.request_put);
  else if (operation.request_delete_range) checkDeleteRange(operation.request_delete_range);
  else if (operation.request_txn) checkOperations(operation.request_txn, nestedMax, total);
  else throw new KvError("kv.key-not-found");
}

/** Whether the txn changes nothing whatever it finds; it is then answered like a range, without a log entry. */
export function isReadOnly(request: wire.TxnRequest): boolean {
  return everyOperation(request, (operation) => operation.request_range !== undefined);
}

/** Whether a read-only txn may be answered from local state: every range in it may. */
export function isSerializable(request: wire.TxnRequest): boolean {
  return everyOperation(request, (operation) => operation.request_range?.serializable === true);
}

function everyOperation(request: wire.TxnRequest, holds: (operation: wire.RequestOp) => boolean): boolean {
  return [...request.success, ...request.failure].every((operation) =>
    operation.request_txn ? everyOperation(operation.request_txn, holds) : holds(operation),
  );
}
