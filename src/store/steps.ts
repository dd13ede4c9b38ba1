/**
 * Long work in steps: a generator that yields whenever it has done a millisecond's work or less, so that whoever drives it
 * (agent/slices.ts) can give the event loop to others in between. The state may change between two steps; each piece of work
 * says how it stands that.
 */

/** Yields between steps, returns what came of it. Ending it early (`return()`) lets go of whatever it holds. */
export type Steps<Result> = Generator<undefined, Result>;

/** Does all steps at once: inside apply, and for work that is known to be small. */
export function finish<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Items sorted natively at a time, and merged between two yields. */
const sortedAtOnce = 512;
const mergedAtOnce = 2048;

/** A stable sort. The array that is given is used up. */
export function* sortSteps<Item>(items: Item[], compare: (left: Item, right: Item) => number): Steps<Item[]> {
  let runs: Item[][] = [];
  for (let from = 0; from < items.length; from += sortedAtOnce) {
    runs.push(items.slice(from, from + sortedAtOnce).sort(compare));
    yield;
  }
  while (runs.length > 1) {
    const merged: Item[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      const [left, right] = [runs[i]!, runs[i + 1]];
      merged.push(right === undefined ? left : yield* mergeSteps(left, right, compare));
      // The small merges of the first rounds do not pause by themselves.
      yield;
    }
    runs = merged;
  }
  return runs[0] ?? [];
}

function* mergeSteps<Item>(
  left: readonly Item[],
  right: readonly Item[],
  compare: (left: Item, right: Item) => number,
): Steps<Item[]> {
  const merged: Item[] = [];
  let [l, r] = [0, 0];
  while (l < left.length && r < right.length) {
    merged.push(compare(right[r]!, left[l]!) < 0 ? right[r++]! : left[l++]!);
    if (merged.length % mergedAtOnce === 0) yield;
  }
  for (; l < left.length; l++) merged.push(left[l]!);
  for (; r < right.length; r++) merged.push(right[r]!);
  return merged;
}
