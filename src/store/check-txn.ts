/**
 * The duplicate rule of a txn (etcd.md 4.5): inside one branch no key is put twice, and no key is put that lies in an interval
 * which the same branch deletes, in either order. Nested txns count with both their branches against everything beside them;
 * only the two branches of one txn are free of each other, since just one of them runs. Deletes may overlap.
 *
 * Every member runs this twice for every txn, so it must not multiply. The names of all puts are sorted once; from then on a
 * put is its rank among them and a deleted interval is a range of ranks, found by bisection:
 *
 *     puts b, d, f         -> ranks 0, 1, 2
 *     delete [c, g)        -> ranks 1 to 3: d and f
 *     delete [d\0, f)      -> ranks 2 to 2: nothing, so it concerns nobody and is forgotten
 */
import { toLatin1 } from "../base/bytes.ts";
import { KvError } from "./errors.ts";
import { type Interval, intervalOf, isEmpty } from "./interval.ts";
import type * as wire from "./wire/messages.ts";

/** The ranks `low` <= r < `high`; never empty. */
interface Ranks {
  readonly low: number;
  readonly high: number;
}

/** What an operation, or a list of them, touches. Puts without repetition, in no order. */
interface Touched {
  readonly puts: readonly number[];
  readonly deletes: readonly Ranks[];
}

/** A put of a list, and which operation of the list it belongs to. */
interface Owned {
  readonly rank: number;
  readonly owner: number;
}

const nothing: Touched = { puts: [], deletes: [] };

/**
 * Throws KvError `kv.duplicate-key`. Returns how many puts and intervals it compared, all levels together: what its cost
 * grows with, besides the sort of the names.
 */
export function checkTxnKeys(request: wire.TxnRequest): number {
  const names = new Set<string>();
  collectPuts(request, names);
  const check = new Check([...names].sort());
  check.branch(request.success);
  check.branch(request.failure);
  return check.compared;
}

class Check {
  readonly #names: readonly string[];
  readonly #rankOf: ReadonlyMap<string, number>;
  compared = 0;

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#rankOf = new Map(names.map((name, rank) => [name, rank]));
  }

  /** Checks the operations of one branch against each other, and returns what they touch together. */
  branch(operations: readonly wire.RequestOp[]): Touched {
    const parts = operations.map((operation) => this.#operation(operation)).filter(isSomething);
    // What is alone has been checked inside, so a chain of nested txns is not looked at again on each level.
    if (parts.length <= 1) return parts[0] ?? nothing;
    const owned = parts.flatMap(({ puts }, owner) => puts.map((rank): Owned => ({ rank, owner })));
    this.compared += owned.length;
    owned.sort((left, right) => left.rank - right.rank);
    const isRepeated = owned.some(({ rank }, i) => i > 0 && rank === owned[i - 1]!.rank);
    if (isRepeated) refuse();
    const another = nextOfAnother(owned);
    parts.forEach(({ deletes }, owner) => {
      this.compared += deletes.length;
      for (const ranks of deletes) if (holdsAnother(owned, another, ranks, owner)) refuse();
    });
    return { puts: owned.map(({ rank }) => rank), deletes: parts.flatMap(({ deletes }) => deletes) };
  }

  #operation(operation: wire.RequestOp): Touched {
    if (operation.request_put) {
      return { puts: [this.#rankOf.get(toLatin1(operation.request_put.key))!], deletes: [] };
    }
    if (operation.request_delete_range) {
      const { key, range_end } = operation.request_delete_range;
      const interval = intervalOf(key, range_end);
      const ranks = isEmpty(interval) ? null : this.#ranksOf(interval);
      return ranks === null ? nothing : { puts: [], deletes: [ranks] };
    }
    return operation.request_txn ? this.#eitherBranch(operation.request_txn) : nothing;
  }

  #eitherBranch(request: wire.TxnRequest): Touched {
    const success = this.branch(request.success);
    const failure = this.branch(request.failure);
    return {
      puts: [...new Set([...success.puts, ...failure.puts])],
      deletes: [...success.deletes, ...failure.deletes],
    };
  }

  #ranksOf(interval: Interval): Ranks | null {
    const low = firstFrom(this.#names, interval.low);
    const high = interval.high === null ? this.#names.length : firstFrom(this.#names, interval.high);
    return low < high ? { low, high } : null;
  }
}

function collectPuts(request: wire.TxnRequest, names: Set<string>): void {
  for (const operations of [request.success, request.failure]) {
    for (const operation of operations) {
      if (operation.request_put) names.add(toLatin1(operation.request_put.key));
      else if (operation.request_txn) collectPuts(operation.request_txn, names);
    }
  }
}

function isSomething({ puts, deletes }: Touched): boolean {
  return puts.length > 0 || deletes.length > 0;
}

/** For each position of puts in order: the first one behind it that belongs to another operation. */
function nextOfAnother(owned: readonly Owned[]): number[] {
  const next: number[] = new Array(owned.length).fill(owned.length);
  for (let i = owned.length - 2; i >= 0; i--) {
    next[i] = owned[i]!.owner === owned[i + 1]!.owner ? next[i + 1]! : i + 1;
  }
  return next;
}

/** Whether a put in these ranks belongs to an operation other than `owner`. */
function holdsAnother(
  owned: readonly Owned[],
  another: readonly number[],
  { low, high }: Ranks,
  owner: number,
): boolean {
  const first = bisect(owned.length, (i) => owned[i]!.rank >= low);
  if (first === owned.length || owned[first]!.rank >= high) return false;
  if (owned[first]!.owner !== owner) return true;
  const other = owned[another[first]!];
  return other !== undefined && other.rank < high;
}

/** The rank of the first name that is not below `name`. */
function firstFrom(names: readonly string[], name: string): number {
  return bisect(names.length, (rank) => names[rank]! >= name);
}

/** The first of `length` positions at which `holds` is true, given that it stays true behind it. */
function bisect(length: number, holds: (position: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function refuse(): never {
  throw new KvError("kv.duplicate-key");
}
