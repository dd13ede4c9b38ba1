/**
 * The duplicate rule of a txn (etcd.md 4.5): inside one branch no key is put twice, and no key is put that lies in an interval
 * which the same branch deletes, in either order. Nested txns count with both their branches against everything beside them;
 * only the two branches of one txn are free of each other, since just one of them runs. Deletes may overlap.
 *
 * etcd's rule has two gaps, and a client may rely on them: a nested txn may put what a nested txn behind it deletes, and a delete
 * without an end meets no put at all. So a txn may change a key more than once.
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
import type * as wire from "./wire/messages.ts";

/** The ranks `low` <= r < `high`; never empty. */
interface Ranks {
  readonly low: number;
  readonly high: number;
}

/** What an operation, or a list of them, touches. Puts without repetition, in no order. */
interface Touched {
  readonly isTxn: boolean;
  readonly puts: readonly number[];
  readonly deletes: readonly Ranks[];
}

/** A put of a list. */
interface Owned {
  readonly rank: number;
  /** The last operation of the list whose deletes may not hold it, if they are a nested txn's: the one before its own, or any. */
  readonly until: number;
}

const nothing: Touched = { isTxn: false, puts: [], deletes: [] };

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
    if (parts.length <= 1) return { ...(parts[0] ?? nothing), isTxn: false };
    const owned = parts.flatMap(({ isTxn, puts }, owner) => {
      const until = isTxn ? owner - 1 : parts.length;
      return puts.map((rank): Owned => ({ rank, until }));
    });
    this.compared += owned.length;
    owned.sort((left, right) => left.rank - right.rank);
    const isRepeated = owned.some(({ rank }, i) => i > 0 && rank === owned[i - 1]!.rank);
    if (isRepeated) refuse();
    const untils = new MaximumTree(owned.map(({ until }) => until));
    parts.forEach(({ isTxn, deletes }, owner) => {
      this.compared += deletes.length;
      for (const { low, high } of deletes) {
        const first = bisect(owned.length, (i) => owned[i]!.rank >= low);
        const end = bisect(owned.length, (i) => owned[i]!.rank >= high);
        if (isTxn ? untils.maximum(first, end) >= owner : first < end) refuse();
      }
    });
    return {
      isTxn: false,
      puts: owned.map(({ rank }) => rank),
      deletes: parts.flatMap(({ deletes }) => deletes),
    };
  }

  #operation(operation: wire.RequestOp): Touched {
    if (operation.request_put) {
      return { ...nothing, puts: [this.#rankOf.get(toLatin1(operation.request_put.key))!] };
    }
    if (operation.request_delete_range) {
      const ranks = this.#ranksOf(operation.request_delete_range);
      return ranks === null ? nothing : { ...nothing, deletes: [ranks] };
    }
    return operation.request_txn ? this.#eitherBranch(operation.request_txn) : nothing;
  }

  #eitherBranch(request: wire.TxnRequest): Touched {
    const success = this.branch(request.success);
    const failure = this.branch(request.failure);
    return {
      isTxn: true,
      puts: [...new Set([...success.puts, ...failure.puts])],
      deletes: [...success.deletes, ...failure.deletes],
    };
  }

  /**
   * Null if there is no put in it. As in etcd the interval is taken as it is written: a zero byte for "no end" is here a key like
   * any other, with nothing before it, so a delete without an end meets no put.
   */
  #ranksOf({ key, range_end }: wire.DeleteRangeRequest): Ranks | null {
    const start = toLatin1(key);
    const low = firstFrom(this.#names, start);
    const high = firstFrom(this.#names, range_end.length === 0 ? `${start}\0` : toLatin1(range_end));
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

/** Answers which number is the largest in a part of a list, in a few steps. */
class MaximumTree {
  readonly #size: number;
  /** The list in the upper half; each number below is the larger one of the two at twice its place. */
  readonly #nodes: number[];

  constructor(numbers: readonly number[]) {
    this.#size = numbers.length;
    this.#nodes = [...new Array<number>(this.#size).fill(0), ...numbers];
    for (let i = this.#size - 1; i > 0; i--) {
      this.#nodes[i] = Math.max(this.#nodes[2 * i]!, this.#nodes[2 * i + 1]!);
    }
  }

  /** Of the numbers from `from` on and before `to`; negative infinity if there are none. */
  maximum(from: number, to: number): number {
    let maximum = Number.NEGATIVE_INFINITY;
    for (let [low, high] = [from + this.#size, to + this.#size]; low < high; low >>>= 1, high >>>= 1) {
      if (low & 1) maximum = Math.max(maximum, this.#nodes[low++]!);
      if (high & 1) maximum = Math.max(maximum, this.#nodes[--high]!);
    }
    return maximum;
  }
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
