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
  pageBytes,
  pageHeaderBytes,
  pagesFor,
} from "./page.ts";
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

/** Second reading: the file, in pieces of whole pages. */
export async function* writeFile(
  buckets: readonly BucketSource[],
  plan: FilePlan,
): AsyncGenerator<Buffer, void, undefined> {
  const { root, pages } = plan;
  for (const id of [0, 1]) yield encodeMeta(id, { root, freelist: freelistPage, pages, transaction: id });
  yield encodeFreelist(freelistPage);
  let done: Buffer[] = [];
  const counter = new PageCounter((page) => done.push(page));
  const directory: Entry[] = [];
  const take = (): Buffer[] => {
    const taken = done;
    done = [];
    return taken;
  };
  for (const bucket of inOrder(buckets)) {
    const tree = new TreeBuilder({ sink: counter });
    for await (const slice of bucket.entries()) {
      for (const [key, value] of slice) tree.add(key, value);
      yield* take();
    }
    directory.push([utf8.encode(bucket.name), encodeBucket(tree.finish())]);
    yield* take();
  }
  assert(counter.allocate(directoryPages(directory)) === root, "both readings of the source were the same");
  assert(counter.next === pages, "both readings of the source were the same");
  yield encodeLeaf(root, directory, bucketFlag);
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
  readonly write?: (page: Buffer) => void;
  next: number = firstTreePage;

  constructor(write?: (page: Buffer) => void) {
    if (write) this.write = write;
  }

  allocate(pages: number): number {
    const first = this.next;
    this.next += pages;
    return first;
  }
}
