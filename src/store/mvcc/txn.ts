/**
 * Txn (etcd.md 4.5) in three steps: decide all branches on the state before the txn, check everything that can still refuse,
 * then run. Only the third step changes anything, so a refused txn leaves no trace.
 */
import { toLatin1 } from "../../base/bytes.ts";
import type { LeaseId } from "../../base/ids.ts";
import { KvError } from "../errors.ts";
import { headerOf } from "../header.ts";
import { intervalOf } from "../interval.ts";
import type { LeaseTable } from "../lease/lease-table.ts";
import type { Steps } from "../steps.ts";
import type * as wire from "../wire/messages.ts";
import { holds } from "./compare.ts";
import type { Keyspace } from "./keyspace.ts";
import { checkRevision, range, rangeSteps } from "./range.ts";
import type { Revision } from "./revision.ts";

/** What a command works on. */
export interface TxnModules {
  readonly keyspace: Keyspace;
  readonly leases: LeaseTable;
}

/** A txn whose branches are chosen. `nested` runs parallel to `operations`. */
interface Plan {
  readonly succeeded: boolean;
  readonly operations: readonly wire.RequestOp[];
  readonly nested: readonly (Plan | null)[];
}

/** Decides and checks. Throws KvError; changes nothing. */
export function planTxn(request: wire.TxnRequest, modules: TxnModules): Plan {
  const plan = decide(request, modules);
  checkPlan(plan, modules);
  return plan;
}

function decide(request: wire.TxnRequest, modules: TxnModules): Plan {
  const succeeded = request.compare.every((compare) => holds(compare, modules.keyspace, modules.leases));
  const operations = succeeded ? request.success : request.failure;
  const nested = operations.map((operation) =>
    operation.request_txn ? decide(operation.request_txn, modules) : null,
  );
  return { succeeded, operations, nested };
}

/** All puts before all ranges: who refuses first is etcd's order. */
function checkPlan(plan: Plan, modules: TxnModules): void {
  /** Everything from this key on is deleted by then. The duplicate rule lets no other delete come before a put of its keys. */
  let deletedFrom: string | null = null;
  forEachOperation(plan, ({ request_put: put, request_delete_range: remove }) => {
    if (remove) {
      const { low, high } = intervalOf(remove.key, remove.range_end);
      if (high === null && (deletedFrom === null || low < deletedFrom)) deletedFrom = low;
    }
    if (!put) return;
    // The other way round than for a put by itself, in etcd.
    checkPutKey(put, modules);
    // Here etcd panics: it finds out when it is too late to refuse.
    if (keepsSomething(put) && deletedFrom !== null && toLatin1(put.key) >= deletedFrom) {
      throw new KvError("kv.key-not-found");
    }
    checkPutLease(put, modules);
  });
  const { keyspace } = modules;
  forEachOperation(plan, ({ request_range: ranged }) => {
    if (ranged) checkRevision(keyspace, ranged.revision, keyspace.revision);
  });
}

function forEachOperation(plan: Plan, visit: (operation: wire.RequestOp) => void): void {
  plan.operations.forEach((operation, at) => {
    const nested = plan.nested[at];
    if (nested) forEachOperation(nested, visit);
    else visit(operation);
  });
}

/** A put may name a lease: it must exist. */
export function checkPutLease(request: wire.PutRequest, { leases }: TxnModules): void {
  if (request.lease !== 0n && leases.get(request.lease as LeaseId) === undefined)
    throw new KvError("kv.lease-not-found");
}

/** A put may keep something of its key: it must exist. */
export function checkPutKey(request: wire.PutRequest, { keyspace }: TxnModules): void {
  if (!keepsSomething(request)) return;
  if (keyspace.index.live(toLatin1(request.key)) === null) throw new KvError("kv.key-not-found");
}

function keepsSomething({ ignore_value, ignore_lease }: wire.PutRequest): boolean {
  return ignore_value || ignore_lease;
}

/** Runs a plan that only reads, at revision `present`, in steps. */
export function* readTxnSteps(plan: Plan, keyspace: Keyspace, present: number): Steps<wire.TxnResponse> {
  const responses: wire.ResponseOp[] = [];
  // Ranges pin what they read one after the other, so the whole txn pins it for all of them.
  const pin = keyspace.pin(Math.max(keyspace.compactRevision, lowestRevision(plan, present)));
  try {
    for (const [at, { request_range: ranged }] of plan.operations.entries()) {
      // The range before it may have ended with a pause, while it sorted.
      pin.check();
      const response = emptyResponse();
      if (ranged) response.response_range = yield* rangeSteps(keyspace, ranged, present);
      else response.response_txn = inner(yield* readTxnSteps(plan.nested[at]!, keyspace, present));
      responses.push(response);
    }
  } finally {
    pin.end();
  }
  return { header: headerOf(present), succeeded: plan.succeeded, responses };
}

function lowestRevision(plan: Plan, present: number): number {
  return plan.operations.reduce((lowest, { request_range: ranged }, at) => {
    if (!ranged) return Math.min(lowest, lowestRevision(plan.nested[at]!, present));
    return ranged.revision > 0 ? Math.min(lowest, ranged.revision) : lowest;
  }, present);
}

/** The answer of a nested txn: of all inner headers only this one says nothing, in etcd. */
function inner(response: wire.TxnResponse): wire.TxnResponse {
  return { ...response, header: headerOf(0) };
}

function emptyResponse(): wire.ResponseOp {
  return {
    response_range: undefined,
    response_put: undefined,
    response_delete_range: undefined,
    response_txn: undefined,
  };
}

/** Runs a plan inside `revision`. Cannot fail. */
export function runTxn(plan: Plan, keyspace: Keyspace, revision: Revision): wire.TxnResponse {
  const responses = plan.operations.map((operation, at) =>
    run(operation, plan.nested[at]!, keyspace, revision),
  );
  return {
    header: headerOf(revision.revision),
    succeeded: plan.succeeded,
    responses,
  };
}

function run(
  operation: wire.RequestOp,
  nested: Plan | null,
  keyspace: Keyspace,
  revision: Revision,
): wire.ResponseOp {
  const response = emptyResponse();
  if (operation.request_range) {
    response.response_range = range(keyspace, operation.request_range, revision.revision);
  } else if (operation.request_put) {
    response.response_put = revision.put(operation.request_put);
  } else if (operation.request_delete_range) {
    response.response_delete_range = revision.deleteRange(operation.request_delete_range);
  } else {
    response.response_txn = inner(runTxn(nested!, keyspace, revision));
  }
  return response;
}
