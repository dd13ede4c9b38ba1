/**
 * Reads a bbolt database file: the names of its buckets, and the entries of one in key order. Nothing is trusted: pages must
 * lie in the file, elements in their page, and no page is visited twice.
 */
import { utf8 } from "../../base/bytes.ts";
import { BboltError } from "./errors.ts";
import {
  bucketBytes,
  bucketFlag,
  decodeMeta,
  decodePageHeader,
  elementBytes,
  type Meta,
  pageFlags,
  pageHeaderBytes,
} from "./page.ts";

/** Smallest and largest page size of any system. */
const pageBytesMin = 1024;
const pageBytesMax = 64 * 1024;

/** Levels of a tree; one of a thousand children to a branch would be past any disk long before. */
const depthMax = 32;

/** Bytes of the file from `offset`; fewer than `length` at its end. */
export type FileBytes = (offset: number, length: number) => Buffer;

/** A file that is wholly in memory. */
export function bytesOf(file: Buffer): FileBytes {
  return (offset, length) => file.subarray(offset, offset + length);
}

export class BboltFile {
  readonly #bytes: FileBytes;
  readonly #pageSize: number;
  readonly #meta: Meta;
  readonly #buckets: ReadonlyMap<string, Buffer>;

  /** Throws BboltError. */
  constructor(bytes: FileBytes) {
    this.#bytes = bytes;
    const meta = newestMeta(bytes);
    this.#meta = meta;
    this.#pageSize = meta.pageSize;
    const buckets = new Map<string, Buffer>();
    for (const { key, value, flags } of this.#walk(meta.root, new Set())) {
      if (flags !== bucketFlag || value.length < bucketBytes) throw new BboltError("a bucket is none");
      buckets.set(utf8.decode(key), value);
    }
    this.#buckets = buckets;
  }

  /** In the order of the file. */
  get bucketNames(): string[] {
    return [...this.#buckets.keys()];
  }

  /** The entries of a bucket; none for a bucket that is not there. Buckets inside buckets are left out. Throws BboltError. */
  *entries(bucket: string): Generator<readonly [key: Buffer, value: Buffer], void, undefined> {
    const value = this.#buckets.get(bucket);
    if (value === undefined) return;
    const root = Number(value.readBigUInt64LE(0));
    const elements = root === 0 ? leafElements(value.subarray(bucketBytes)) : this.#walk(root, new Set());
    for (const element of elements) if (element.flags === 0) yield [element.key, element.value];
  }

  *#walk(id: number, seen: Set<number>, depth = 0): Generator<LeafElement, void, undefined> {
    if (seen.has(id) || depth > depthMax) throw new BboltError(`page ${id} is in two places`);
    seen.add(id);
    const page = this.#page(id);
    const { flags } = decodePageHeader(page);
    if (flags === pageFlags.leaf) yield* leafElements(page);
    else if (flags === pageFlags.branch) {
      for (const child of branchChildren(page)) yield* this.#walk(child, seen, depth + 1);
    } else throw new BboltError(`page ${id} is neither leaf nor branch`);
  }

  /** The page with what overflows. */
  #page(id: number): Buffer {
    if (id < 2 || id >= this.#meta.pages) throw new BboltError(`page ${id} is outside the file`);
    const size = this.#pageSize;
    const head = this.#bytes(id * size, size);
    if (head.length < size) throw new BboltError("the file is cut");
    const { overflow } = decodePageHeader(head);
    if (overflow === 0) return head;
    if (id + overflow >= this.#meta.pages) throw new BboltError(`page ${id} is longer than the file`);
    const whole = this.#bytes(id * size, (overflow + 1) * size);
    if (whole.length < (overflow + 1) * size) throw new BboltError("the file is cut");
    return whole;
  }
}

interface LeafElement {
  readonly flags: number;
  readonly key: Buffer;
  readonly value: Buffer;
}

function* leafElements(page: Buffer): Generator<LeafElement, void, undefined> {
  if (page.length < pageHeaderBytes) throw new BboltError("a page is cut");
  const { count } = decodePageHeader(page);
  checkElements(page, count);
  for (let i = 0, at = pageHeaderBytes; i < count; i++, at += elementBytes) {
    const keyAt = at + page.readUInt32LE(at + 4);
    const valueAt = keyAt + page.readUInt32LE(at + 8);
    const end = valueAt + page.readUInt32LE(at + 12);
    if (end > page.length) throw new BboltError("an entry lies outside its page");
    const flags = page.readUInt32LE(at);
    yield { flags, key: page.subarray(keyAt, valueAt), value: page.subarray(valueAt, end) };
  }
}

function* branchChildren(page: Buffer): Generator<number, void, undefined> {
  const { count } = decodePageHeader(page);
  checkElements(page, count);
  for (let i = 0, at = pageHeaderBytes; i < count; i++, at += elementBytes) {
    yield Number(page.readBigUInt64LE(at + 8));
  }
}

function checkElements(page: Buffer, count: number): void {
  if (pageHeaderBytes + count * elementBytes > page.length)
    throw new BboltError("a page has too many entries");
}

/** The second meta lies at the page size, which a damaged first one does not tell: then the usual sizes are tried. */
function newestMeta(bytes: FileBytes): Meta & { readonly pageSize: number } {
  const at = (offset: number): ReturnType<typeof decodeMeta> => decodeMeta(bytes(offset, 128));
  const first = at(0);
  const found = [first];
  if (first) found.push(at(first.pageSize));
  else for (let size = pageBytesMin; size <= pageBytesMax; size *= 2) found.push(at(size));
  const newest = found.filter((meta) => meta !== null).sort((a, b) => b.transaction - a.transaction)[0];
  if (!newest) throw new BboltError("it has no valid meta page");
  const { pageSize } = newest;
  if (pageSize < pageBytesMin || pageSize > pageBytesMax) throw new BboltError(`pages of ${pageSize} bytes`);
  return newest;
}
