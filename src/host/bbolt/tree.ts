/**
 * A bucket's B+tree, built from entries in key order. A node gets its pages when it is full, and a branch comes after its
 * children, so nothing is kept but one open node of each level. The same code runs twice: first to measure, when only
 * lengths and first keys count, then to write; both passes number the pages alike.
 *
 *     entries a b c d e, two to a node -> leaf 3 {a b}, leaf 4 {c d}, branch 5 {a: 3, c: 4}, leaf 6 {e}, branch 7 {e: 6},
 *     branch 8 {a: 5, e: 7}, the root
 */
import { assert } from "../../base/assert.ts";
import { compareBytes } from "../../base/bytes.ts";
import {
  branchElementBytes,
  type Child,
  type Entry,
  encodeBranch,
  encodeLeaf,
  leafElementBytes,
  type Place,
  pageHeaderBytes,
  pagesFor,
} from "./page.ts";

/** Of a node; one with a single large entry may be longer. Four pages waste less than one, and are as good to read. */
const nodeBytesMax = 16 * 1024;

/** Where the nodes of all trees of a file go. */
export interface PageSink {
  /** Numbers `pages` pages, in file order. */
  allocate(pages: number): number;
  /** Where the pages just allocated are encoded. Absent while measuring. */
  readonly place?: Place;
}

interface Level {
  bytes: number;
  count: number;
  firstKey: Uint8Array | null;
  /** Nodes of this level that are done. */
  closed: number;
  /** Elements of the open node; kept only to be written. */
  children: Child[];
}

export class TreeBuilder {
  readonly #sink: PageSink;
  readonly #leaf: Level & { entries: Entry[] } = { ...emptyLevel(), entries: [] };
  /** From the leaves' parents upwards. */
  readonly #branches: Level[] = [];
  #lastKey: Uint8Array | null = null;

  constructor(modules: { readonly sink: PageSink }) {
    this.#sink = modules.sink;
  }

  /** Keys must ascend. Neither key nor value may change until their node is written. */
  add(key: Uint8Array, value: Uint8Array): void {
    assert(this.#lastKey === null || compareBytes(this.#lastKey, key) < 0, "keys of a bucket ascend");
    this.#lastKey = key;
    const leaf = this.#leaf;
    const bytes = leafElementBytes(key, value);
    if (leaf.count > 0 && leaf.bytes + bytes > nodeBytesMax) this.#closeLeaf();
    leaf.firstKey ??= key;
    leaf.bytes += bytes;
    leaf.count++;
    if (this.#sink.place) leaf.entries.push([key, value]);
  }

  /** Closes the open nodes; returns the root page. An empty bucket is one empty leaf. */
  finish(): number {
    let top = this.#leaf.closed === 0 || this.#leaf.count > 0 ? this.#closeLeaf() : null;
    for (let height = 0; height < this.#branches.length; height++) {
      const level = this.#branches[height]!;
      if (level.closed === 0 && level.count === 1) break;
      if (level.count > 0) top = this.#closeBranch(height);
    }
    assert(top !== null, "the node that was closed last is the root");
    return top;
  }

  #closeLeaf(): number {
    const leaf = this.#leaf;
    const page = this.#sink.allocate(pagesFor(leaf.bytes));
    if (this.#sink.place) encodeLeaf(page, leaf.entries, 0, this.#sink.place);
    const key = leaf.firstKey;
    Object.assign(leaf, emptyLevel(), { closed: leaf.closed + 1, entries: [] });
    if (key) this.#addChild(0, { key, page });
    return page;
  }

  #closeBranch(height: number): number {
    const level = this.#branches[height]!;
    const page = this.#sink.allocate(pagesFor(level.bytes));
    if (this.#sink.place) encodeBranch(page, level.children, this.#sink.place);
    const key = level.firstKey!;
    this.#branches[height] = { ...emptyLevel(), closed: level.closed + 1 };
    this.#addChild(height + 1, { key, page });
    return page;
  }

  #addChild(height: number, child: Child): void {
    this.#branches[height] ??= emptyLevel();
    const bytes = branchElementBytes(child.key);
    if (this.#branches[height].count > 0 && this.#branches[height].bytes + bytes > nodeBytesMax) {
      this.#closeBranch(height);
    }
    const level = this.#branches[height];
    level.firstKey ??= child.key;
    level.bytes += bytes;
    level.count++;
    if (this.#sink.place) level.children.push(child);
  }
}

function emptyLevel(): Level {
  return { bytes: pageHeaderBytes, count: 0, firstKey: null, closed: 0, children: [] };
}
