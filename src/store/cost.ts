/**
 * What a request may add to the database, in bytes (etcd.md 8.2): what a member holds against its quota before it proposes.
 * An estimate on purpose, the same as etcd's, so that the point at which a cluster says "no space" is the same.
 */
import type * as wire from "./wire/messages.ts";

/** What a put costs beside its key and value. */
const putOverheadBytes = 256;
/** What a lease grant costs. */
export const leaseGrantCostBytes = 64;

/** Key, value and overhead. */
export function putCost(request: wire.PutRequest): number {
  return putOverheadBytes + request.key.length + request.value.length;
}

/** The larger branch, with all that is nested in it; 0 for a txn that puts nothing, which is never refused for space. */
export function txnCost(request: wire.TxnRequest): number {
  return Math.max(branchCost(request.success), branchCost(request.failure));
}

function branchCost(operations: readonly wire.RequestOp[]): number {
  let cost = 0;
  for (const { request_put: put, request_txn: txn } of operations) {
    if (put) cost += putCost(put);
    else if (txn) cost += txnCost(txn);
  }
  return cost;
}
