/**
 * A bbolt database file as a stream, front to back, in memory that does not grow with it. The metas at the front name the
 * directory at the end and the length of the file, so the source is read twice: to plan, and to write.
 *
 *     0 meta | 1 meta | 2 freelist, empty | trees of the buckets, one after the other | directory of the buckets
 */
import { assert } from "../../base/assert.ts";
import { compareBytes, utf8 } from "../../base/bytes.ts";
import {
  bucketFlag,
  type Entry,
  encodeBucket,
  encodeFreelist,
  encodeLeaf,
  encodeMeta,
  leafElementBytes,
  type Place,
  pageBytes,
  pageHeaderBytes,
  pagesFor,
} from "./page.ts";
import { PageRoom } from "./page-room.ts";
import { type PageSink, TreeBuilder } from "./tree.ts";

/** One bucket. `entries` gives the same entries each time, keys ascending, in slices that do not hold the loop. */
export interface BucketSource {
  readonly name: string;
  entries(): AsyncIterable<readonly Entry[]>;
}

/** Where things will be in the file. */
export interface FilePlan {
  readonly root: number;
  readonly pages: number;
  readonly bytes: number;
}

const freelistPage = 2;
const firstTreePage = 3;

/** First reading: measures. */
export async function planFile(buckets: readonly BucketSource[]): Promise<FilePlan> {
  const counter = new PageCounter();
  const directory: Entry[] = [];
  for (const bucket of inOrder(buckets)) {
    const tree = new TreeBuilder({ sink: counter });
    for await (const slice of bucket.entries()) for (const [key, value] of slice) tree.add(key, value);
    directory.push([utf8.encode(bucket.name), encodeBucket(tree.finish())]);
  }
  const root = counter.allocate(directoryPages(directory));
  return { root, pages: counter.next, bytes: counter.next * pageBytes };
}

/** Second reading: the file, in pieces of whole pages, of which each may be overwritten when the next is asked for. */
export async function* writeFile(
  buckets: readonly BucketSource[],
  plan: FilePlan,
): AsyncGenerator<Buffer, void, undefined> {
  const { root, pages } = plan;
  const room = new PageRoom();
  const place = (bytes: number): Buffer => room.place(bytes);
  for (const id of [0, 1]) encodeMeta(id, { root, freelist: freelistPage, pages, transaction: id }, place);
  encodeFreelist(freelistPage, place);
  const counter = new PageCounter(place);
  const directory: Entry[] = [];
  for (const bucket of inOrder(buckets)) {
    const tree = new TreeBuilder({ sink: counter });
    for await (const slice of bucket.entries()) {
      for (const [key, value] of slice) tree.add(key, value);
      if (room.used > 0) yield room.take();
    }
    directory.push([utf8.encode(bucket.name), encodeBucket(tree.finish())]);
    yield room.take();
  }
  assert(counter.allocate(directoryPages(directory)) === root, "both readings of the source were the same");
  assert(counter.next === pages, "both readings of the source were the same");
  encodeLeaf(root, directory, bucketFlag, place);
  yield room.take();
}

function inOrder(buckets: readonly BucketSource[]): BucketSource[] {
  return [...buckets].sort((left, right) => compareBytes(utf8.encode(left.name), utf8.encode(right.name)));
}

function directoryPages(directory: readonly Entry[]): number {
  return pagesFor(
    directory.reduce((sum, [key, value]) => sum + leafElementBytes(key, value), pageHeaderBytes),
  );
}

class PageCounter implements PageSink {
  readonly place?: Place;
  next: number = firstTreePage;

  constructor(place?: Place) {
    if (place) this.place = place;
  }

  allocate(pages: number): number {
    const first = this.next;
    this.next += pages;
    return first;
  }
}
