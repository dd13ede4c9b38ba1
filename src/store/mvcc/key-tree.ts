/**
 * The order of the key index: a B+ tree whose inner nodes know how many keys below them exist at present, and when anything
 * below them changed last. So counting an interval looks at a few nodes and not at its keys, also at a past revision, as
 * long as little has changed since.
 *
 *     count [b, x) at 90:  branch newest 120 -> down    leaf newest 80, whole inside -> its number    edge leaf -> its keys
 */
import type { Interval } from "../interval.ts";
import { Leaf } from "./key-leaf.ts";
import { NameList } from "./name-list.ts";

/** Keys of a leaf, and children of a branch, at most. */
export const leafKeysMax = 64;
const branchChildrenMax = 64;

type Node = Leaf | Branch;

class Branch {
  readonly type = "branch";
  /** Keys of child i + 1 and of all behind it are not below bound i; keys of child i are below it. */
  bounds: NameList;
  children: Node[];
  live = 0;
  newest = 0;

  constructor(bounds: NameList, children: Node[]) {
    this.bounds = bounds;
    this.children = children;
    for (const child of children) {
      this.live += child.live;
      this.newest = Math.max(this.newest, child.newest);
    }
  }

  /** Index of the child whose bounds hold `name`. */
  childOf(name: string): number {
    return this.bounds.upperBound(name);
  }
}

/** A count that may stop between two leaves: `resume` is then where the next one goes on. */
interface Counting {
  readonly revision: number;
  leavesLeft: number;
  resume: string | null;
}

/** Visits one key of a leaf; false stops the walk. */
export type LeafVisitor = (leaf: Leaf, at: number) => boolean;

export class KeyTree {
  #root: Node = new Leaf();
  #size = 0;
  /** From the root to the parent of the leaf that `leafOf` found, and which child was taken in each. */
  readonly #path: Branch[] = [];
  readonly #steps: number[] = [];

  /** All keys, deleted ones included. */
  get size(): number {
    return this.#size;
  }

  /** Keys that exist at present. */
  get live(): number {
    return this.#root.live;
  }

  clear(): void {
    this.#root = new Leaf();
    this.#size = 0;
  }

  /** The leaf that holds the key or is to hold it. What changes in it is then told by `noted`, `inserted` or `removed`. */
  leafOf(name: string): Leaf {
    let node = this.#root;
    this.#path.length = 0;
    this.#steps.length = 0;
    while (node.type === "branch") {
      const step = node.childOf(name);
      this.#path.push(node);
      this.#steps.push(step);
      node = node.children[step]!;
    }
    return node;
  }

  /** Something changed in the leaf last found: `live` more keys exist, at revision `main`. */
  noted(leaf: Leaf, main: number, live: number): void {
    leaf.live += live;
    leaf.newest = main;
    for (const branch of this.#path) {
      branch.live += live;
      branch.newest = main;
    }
  }

  /** A key was inserted into the leaf last found, at its index `at`. Call it after `noted`. */
  inserted(leaf: Leaf, at: number): void {
    this.#size += 1;
    if (leaf.size <= leafKeysMax) return;
    // Keys that come in order leave full leaves behind.
    const cut = at === leaf.size - 1 && this.#isLast() ? leaf.size - 1 : leaf.size >>> 1;
    const right = leaf.splitAt(cut);
    this.#grow(right.names.at(0), right);
  }

  /** Keys were removed from the leaf last found. Small neighbours become one, so that deleting gives memory back. */
  removed(leaf: Leaf, keys: number): void {
    this.#size -= keys;
    const parent = this.#path[this.#path.length - 1];
    if (parent === undefined) return;
    const step = this.#steps[this.#steps.length - 1]!;
    const right = parent.children[step + 1];
    if (leaf.size === 0) this.#cut(this.#path.length - 1, step);
    else if (right?.type === "leaf" && leaf.size + right.size <= leafKeysMax / 2) {
      leaf.append(right);
      this.#cut(this.#path.length - 1, step + 1);
    }
  }

  /** Visits keys in order, until `visit` returns false. Nothing may be inserted or removed meanwhile. */
  walk(interval: Interval, visit: LeafVisitor): void {
    walkNode(this.#root, interval.low, interval.high, visit);
  }

  /** The first key after `name` (null: the first of all), or null. */
  nextAfter(name: string | null): string | null {
    let found: string | null = null;
    const low = name === null ? "" : `${name}\0`;
    this.walk({ low, high: null }, (leaf, at) => {
      found = leaf.names.at(at);
      return false;
    });
    return found;
  }

  /**
   * Number of keys in the interval that existed at `revision`. Looks into `leavesMax` leaves at most; `resume` is where the
   * rest begins, or null.
   */
  count(
    interval: Interval,
    revision: number,
    leavesMax: number,
  ): { readonly count: number; readonly resume: string | null } {
    const counting: Counting = { revision, leavesLeft: leavesMax, resume: null };
    const count = countNode(this.#root, interval.low, interval.high, counting);
    return { count, resume: counting.resume };
  }

  #isLast(): boolean {
    return this.#path.every((branch, level) => this.#steps[level] === branch.children.length - 1);
  }

  /** Puts `right`, the new neighbour of the node at the end of the path, into its parents. */
  #grow(low: string, right: Node): void {
    let [name, node] = [low, right];
    for (let level = this.#path.length - 1; level >= 0; level--) {
      const branch = this.#path[level]!;
      const step = this.#steps[level]! + 1;
      branch.bounds.insert(step - 1, name);
      branch.children.splice(step, 0, node);
      if (branch.children.length <= branchChildrenMax) return;
      const last = step === branch.children.length - 1;
      const cut = last ? branch.children.length - 1 : branch.children.length >>> 1;
      const sibling = new Branch(branch.bounds.splitAt(cut), branch.children.splice(cut));
      branch.live -= sibling.live;
      [name, node] = [branch.bounds.at(cut - 1), sibling];
      branch.bounds.remove(cut - 1);
    }
    const bounds = new NameList();
    bounds.insert(0, name);
    this.#root = new Branch(bounds, [this.#root, node]);
  }

  /** Takes a child out of the branch at `level` of the path; a branch that is empty then goes as well. */
  #cut(level: number, step: number): void {
    const branch = this.#path[level]!;
    branch.children.splice(step, 1);
    if (branch.bounds.length > 0) branch.bounds.remove(Math.max(0, step - 1));
    if (level > 0) {
      if (branch.children.length === 0) this.#cut(level - 1, this.#steps[level - 1]!);
    } else if (branch.children.length <= 1) this.#root = branch.children[0] ?? new Leaf();
  }
}

/** `low` null: everything in the node is above it; `high` null: everything is below it. */
function walkNode(node: Node, low: string | null, high: string | null, visit: LeafVisitor): boolean {
  if (node.type === "leaf") {
    const end = high === null ? node.size : node.names.lowerBound(high);
    for (let at = low === null ? 0 : node.names.lowerBound(low); at < end; at++) {
      if (!visit(node, at)) return false;
    }
    return true;
  }
  const first = low === null ? 0 : node.childOf(low);
  const last = high === null ? node.children.length - 1 : node.childOf(high);
  for (let i = first; i <= last; i++) {
    if (!walkNode(node.children[i]!, i === first ? low : null, i === last ? high : null, visit)) return false;
  }
  return true;
}

function countNode(node: Node, low: string | null, high: string | null, counting: Counting): number {
  if (low === null && high === null && node.newest <= counting.revision) return node.live;
  if (node.type === "leaf") {
    counting.leavesLeft -= 1;
    let count = 0;
    const end = high === null ? node.size : node.names.lowerBound(high);
    for (let at = low === null ? 0 : node.names.lowerBound(low); at < end; at++) {
      if (node.existedAt(at, counting.revision)) count += 1;
    }
    return count;
  }
  const first = low === null ? 0 : node.childOf(low);
  const last = high === null ? node.children.length - 1 : node.childOf(high);
  let count = 0;
  for (let i = first; i <= last; i++) {
    if (i > first && counting.leavesLeft <= 0) {
      counting.resume = node.bounds.at(i - 1);
      return count;
    }
    count += countNode(node.children[i]!, i === first ? low : null, i === last ? high : null, counting);
    if (counting.resume !== null) return count;
  }
  return count;
}
