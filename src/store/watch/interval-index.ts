/**
 * Values by key interval, asked by key: "who watches this?". Single keys are a map. Intervals are a treap ordered by (low,
 * high) whose nodes know the highest end below them, so that a question costs the logarithm of the number of intervals plus
 * the answers. Priorities are a hash of a counter: chance is not needed, only that they follow no pattern of the keys.
 */
import { type Interval, isSingleKey } from "../interval.ts";

interface Node<Value> {
  readonly interval: Interval;
  readonly priority: number;
  readonly values: Set<Value>;
  left: Node<Value> | null;
  right: Node<Value> | null;
  /** Highest end in this subtree; null: some interval has no end. */
  end: string | null;
}

export class IntervalIndex<Value> {
  readonly #single = new Map<string, Set<Value>>();
  #root: Node<Value> | null = null;
  #count = 0;
  #made = 0;

  get size(): number {
    return this.#count;
  }

  add(interval: Interval, value: Value): void {
    this.#count += 1;
    if (isSingleKey(interval)) {
      const values = this.#single.get(interval.low);
      if (values) values.add(value);
      else this.#single.set(interval.low, new Set([value]));
      return;
    }
    const node = this.#find(interval);
    if (node) node.values.add(value);
    else this.#root = insert(this.#root, this.#create(interval, value));
  }

  /** The value must have been added with an equal interval. */
  remove(interval: Interval, value: Value): void {
    this.#count -= 1;
    if (isSingleKey(interval)) {
      const values = this.#single.get(interval.low);
      values?.delete(value);
      if (values?.size === 0) this.#single.delete(interval.low);
      return;
    }
    const node = this.#find(interval);
    node?.values.delete(value);
    if (node?.values.size === 0) this.#root = removeNode(this.#root, interval);
  }

  /** The values that were added with an equal interval. */
  at(interval: Interval): Iterable<Value> {
    const values = isSingleKey(interval) ? this.#single.get(interval.low) : this.#find(interval)?.values;
    return values ?? [];
  }

  /** Calls `visit` for every value whose interval contains `key`. The index must not change meanwhile. */
  stab(key: string, visit: (value: Value) => void): void {
    const single = this.#single.get(key);
    if (single) for (const value of single) visit(value);
    stabNode(this.#root, key, visit);
  }

  #create(interval: Interval, value: Value): Node<Value> {
    const priority = Math.imul(++this.#made, 0x9e3779b1) >>> 0;
    return { interval, priority, values: new Set([value]), left: null, right: null, end: interval.high };
  }

  #find(interval: Interval): Node<Value> | null {
    let node = this.#root;
    while (node !== null) {
      const order = compare(interval, node.interval);
      if (order === 0) return node;
      node = order < 0 ? node.left : node.right;
    }
    return null;
  }
}

function compare(left: Interval, right: Interval): number {
  if (left.low !== right.low) return left.low < right.low ? -1 : 1;
  if (left.high === right.high) return 0;
  return left.high !== null && (right.high === null || left.high < right.high) ? -1 : 1;
}

function later(left: string | null, right: string | null): string | null {
  if (left === null || right === null) return null;
  return left > right ? left : right;
}

function update<Value>(node: Node<Value>): Node<Value> {
  let end = node.interval.high;
  if (node.left) end = later(end, node.left.end);
  if (node.right) end = later(end, node.right.end);
  node.end = end;
  return node;
}

function rotateRight<Value>(node: Node<Value>): Node<Value> {
  const top = node.left!;
  node.left = top.right;
  top.right = update(node);
  return update(top);
}

function rotateLeft<Value>(node: Node<Value>): Node<Value> {
  const top = node.right!;
  node.right = top.left;
  top.left = update(node);
  return update(top);
}

function insert<Value>(node: Node<Value> | null, fresh: Node<Value>): Node<Value> {
  if (node === null) return fresh;
  if (compare(fresh.interval, node.interval) < 0) {
    node.left = insert(node.left, fresh);
    return node.left.priority < node.priority ? rotateRight(node) : update(node);
  }
  node.right = insert(node.right, fresh);
  return node.right.priority < node.priority ? rotateLeft(node) : update(node);
}

function removeNode<Value>(node: Node<Value> | null, interval: Interval): Node<Value> | null {
  if (node === null) return null;
  const order = compare(interval, node.interval);
  if (order === 0) return merge(node.left, node.right);
  if (order < 0) node.left = removeNode(node.left, interval);
  else node.right = removeNode(node.right, interval);
  return update(node);
}

function merge<Value>(left: Node<Value> | null, right: Node<Value> | null): Node<Value> | null {
  if (left === null) return right;
  if (right === null) return left;
  if (left.priority < right.priority) {
    left.right = merge(left.right, right);
    return update(left);
  }
  right.left = merge(left, right.left);
  return update(right);
}

function stabNode<Value>(node: Node<Value> | null, key: string, visit: (value: Value) => void): void {
  if (node === null || (node.end !== null && node.end <= key)) return;
  stabNode(node.left, key, visit);
  if (key < node.interval.low) return;
  if (node.interval.high === null || key < node.interval.high) {
    for (const value of node.values) visit(value);
  }
  stabNode(node.right, key, visit);
}
