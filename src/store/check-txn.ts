/**
 * The duplicate rule of a txn (etcd.md 4.5): inside one branch no key is put twice, and no key is put that lies in an interval
 * which the same branch deletes, in either order. Nested txns count with both their branches against everything beside them;
 * only the two branches of one txn are free of each other, since just one of them runs. Deletes may overlap.
 */
import { toLatin1 } from "../base/bytes.ts";
import { KvError } from "./errors.ts";
import { contains, type Interval, intervalOf, isEmpty } from "./interval.ts";
import type * as wire from "./wire/messages.ts";

interface Touched {
  readonly puts: Set<string>;
  readonly deletes: Interval[];
}

/** Throws KvError `kv.duplicate-key`. */
export function checkTxnKeys(request: wire.TxnRequest): void {
  touchedBy(request.success);
  touchedBy(request.failure);
}

function touchedBy(operations: readonly wire.RequestOp[]): Touched {
  const all: Touched = { puts: new Set(), deletes: [] };
  for (const operation of operations) {
    const one = touchedByOperation(operation);
    if (one === null) continue;
    for (const key of one.puts) {
      if (all.puts.has(key) || all.deletes.some((interval) => contains(interval, key))) refuse();
    }
    for (const interval of one.deletes) {
      for (const key of all.puts) if (contains(interval, key)) refuse();
    }
    for (const key of one.puts) all.puts.add(key);
    all.deletes.push(...one.deletes);
  }
  return all;
}

function touchedByOperation(operation: wire.RequestOp): Touched | null {
  if (operation.request_put) {
    return { puts: new Set([toLatin1(operation.request_put.key)]), deletes: [] };
  }
  if (operation.request_delete_range) {
    const { key, range_end } = operation.request_delete_range;
    const interval = intervalOf(key, range_end);
    return isEmpty(interval) ? null : { puts: new Set(), deletes: [interval] };
  }
  if (operation.request_txn) {
    const success = touchedBy(operation.request_txn.success);
    const failure = touchedBy(operation.request_txn.failure);
    return {
      puts: new Set([...success.puts, ...failure.puts]),
      deletes: [...success.deletes, ...failure.deletes],
    };
  }
  return null;
}

function refuse(): never {
  throw new KvError("kv.duplicate-key");
}
