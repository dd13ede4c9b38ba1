/**
 * Pages of a bbolt database file, as etcd keeps it and as its snapshots are. All numbers are little-endian.
 *
 *     page      u64 id | u16 flags | u16 count | u32 overflow, pages that follow and belong to it | elements | keys, values
 *     leaf      u32 flags, 1 for a bucket | u32 position of the key, from the element's start | u32 key, u32 value length
 *     branch    u32 position of the key | u32 key length | u64 id of the child, whose first key it is
 *     bucket    (the value of such a leaf element) u64 id of its root page | u64 sequence
 *     meta      u32 magic | u32 version | u32 page size | u32 flags | bucket of all buckets | u64 id of the freelist |
 *               u64 number of pages | u64 transaction | u64 FNV-1a of all before
 *
 * Pages 0 and 1 are metas, of which the newer valid one counts. A bucket whose root is page 0 is inline: its leaf follows
 * the 16 bytes of the bucket.
 */

export const pageBytes = 4096;
export const pageHeaderBytes = 16;
export const elementBytes = 16;
export const bucketBytes = 16;

export const pageFlags = { branch: 0x01, leaf: 0x02, meta: 0x04, freelist: 0x10 } as const;
/** Of a leaf element whose value is a bucket. */
export const bucketFlag = 0x01;

const magic = 0xed0cdaed;
const formatVersion = 2;
/** Of the meta, without the page header. */
const metaBytes = 64;

/** Key and value of a bucket, or name and encoded bucket in the directory of buckets. */
export type Entry = readonly [key: Uint8Array, value: Uint8Array];

/** A child of a branch: the first key under it, and its page. */
export interface Child {
  readonly key: Uint8Array;
  readonly page: number;
}

export interface PageHeader {
  readonly flags: number;
  readonly count: number;
  readonly overflow: number;
}

/** What a meta says. */
export interface Meta {
  /** Page of the directory of buckets. */
  readonly root: number;
  readonly freelist: number;
  /** Pages of the file, of which some may be free. */
  readonly pages: number;
  readonly transaction: number;
}

/** Gives zeroed bytes to encode a page, and what belongs to it, into. */
export type Place = (bytes: number) => Buffer;

/** Whole pages that hold `bytes`. */
export function pagesFor(bytes: number): number {
  return Math.ceil(bytes / pageBytes);
}

/** One leaf. `flags` go into every element. */
export function encodeLeaf(id: number, entries: readonly Entry[], flags: number, place: Place): void {
  const bytes = entries.reduce((sum, [key, value]) => sum + leafElementBytes(key, value), pageHeaderBytes);
  const page = newPage(id, pageFlags.leaf, entries.length, bytes, place);
  let at = pageHeaderBytes;
  let data = pageHeaderBytes + entries.length * elementBytes;
  for (const [key, value] of entries) {
    page.writeUInt32LE(flags, at);
    page.writeUInt32LE(data - at, at + 4);
    page.writeUInt32LE(key.length, at + 8);
    page.writeUInt32LE(value.length, at + 12);
    page.set(key, data);
    page.set(value, data + key.length);
    data += key.length + value.length;
    at += elementBytes;
  }
}

export function encodeBranch(id: number, children: readonly Child[], place: Place): void {
  const bytes = children.reduce((sum, child) => sum + branchElementBytes(child.key), pageHeaderBytes);
  const page = newPage(id, pageFlags.branch, children.length, bytes, place);
  let at = pageHeaderBytes;
  let data = pageHeaderBytes + children.length * elementBytes;
  for (const child of children) {
    page.writeUInt32LE(data - at, at);
    page.writeUInt32LE(child.key.length, at + 4);
    page.writeBigUInt64LE(BigInt(child.page), at + 8);
    page.set(child.key, data);
    data += child.key.length;
    at += elementBytes;
  }
}

/** A freelist with nothing on it. */
export function encodeFreelist(id: number, place: Place): void {
  newPage(id, pageFlags.freelist, 0, pageHeaderBytes, place);
}

export function encodeMeta(id: number, meta: Meta, place: Place): void {
  const page = newPage(id, pageFlags.meta, 0, pageHeaderBytes + metaBytes, place);
  const body = page.subarray(pageHeaderBytes);
  body.writeUInt32LE(magic, 0);
  body.writeUInt32LE(formatVersion, 4);
  body.writeUInt32LE(pageBytes, 8);
  body.writeBigUInt64LE(BigInt(meta.root), 16);
  body.writeBigUInt64LE(BigInt(meta.freelist), 32);
  body.writeBigUInt64LE(BigInt(meta.pages), 40);
  body.writeBigUInt64LE(BigInt(meta.transaction), 48);
  body.writeBigUInt64LE(fnv1a(body.subarray(0, 56)), 56);
}

/** The meta in a page, with the page size that it names; null if it is none, or altered, or of another version. */
export function decodeMeta(page: Buffer): (Meta & { readonly pageSize: number }) | null {
  if (page.length < pageHeaderBytes + metaBytes) return null;
  const body = page.subarray(pageHeaderBytes);
  if (body.readUInt32LE(0) !== magic || body.readUInt32LE(4) !== formatVersion) return null;
  if (body.readBigUInt64LE(56) !== fnv1a(body.subarray(0, 56))) return null;
  return {
    pageSize: body.readUInt32LE(8),
    root: Number(body.readBigUInt64LE(16)),
    freelist: Number(body.readBigUInt64LE(32)),
    pages: Number(body.readBigUInt64LE(40)),
    transaction: Number(body.readBigUInt64LE(48)),
  };
}

export function decodePageHeader(page: Buffer): PageHeader {
  return { flags: page.readUInt16LE(8), count: page.readUInt16LE(10), overflow: page.readUInt32LE(12) };
}

/** The value of a directory entry. */
export function encodeBucket(root: number): Buffer {
  const bytes = Buffer.alloc(bucketBytes);
  bytes.writeBigUInt64LE(BigInt(root), 0);
  return bytes;
}

export function leafElementBytes(key: Uint8Array, value: Uint8Array): number {
  return elementBytes + key.length + value.length;
}

export function branchElementBytes(key: Uint8Array): number {
  return elementBytes + key.length;
}

function newPage(id: number, flags: number, count: number, bytes: number, place: Place): Buffer {
  const pages = pagesFor(bytes);
  const page = place(pages * pageBytes);
  page.writeBigUInt64LE(BigInt(id), 0);
  page.writeUInt16LE(flags, 8);
  page.writeUInt16LE(count, 10);
  page.writeUInt32LE(pages - 1, 12);
  return page;
}

/** FNV-1a of 64 bits. */
function fnv1a(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
