/** The candidate that a mistyped word probably meant. */

/** The number of letters to insert, delete, change or swap with a neighbour to get from one word to the other. */
export function distance(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) cost = Math.min(cost, before[j - 2]! + 1);
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return last[to.length]!;
}

/** The closest candidate, if one is close: at most a third of the word's letters differ, or it is a beginning. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: { candidate: string; cost: number } | undefined;
  for (const candidate of candidates) {
    const starts = word.length >= 3 && candidate.startsWith(word);
    const cost = starts ? 0.5 : distance(word, candidate);
    if (cost <= Math.max(1, word.length / 3) && (!best || cost < best.cost)) best = { candidate, cost };
  }
  return best?.candidate;
}
