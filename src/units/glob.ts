/**
 * Shell patterns as `Conflicts` and `Replaces` use them (fleet.md 4.2, Go's path.Match): `*` within a path element, `?`,
 * `[a-z]`, `[^a-z]`, backslash. Matched by hand because a pattern is user input and must not become a slow regexp.
 */

/** Whether `text` matches as a whole. A malformed pattern matches nothing. */
export function globMatches(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let starP = -1;
  let starT = -1;
  while (t < text.length) {
    if (pattern[p] === "*") {
      starP = p++;
      starT = t;
      continue;
    }
    const end = p < pattern.length ? matchOne(pattern, p, text[t]!) : -1;
    if (end >= 0) {
      p = end;
      t++;
      continue;
    }
    // Only the last star needs to be reconsidered: an earlier one can do nothing that it cannot.
    if (starP < 0 || text[starT] === "/") return false;
    t = ++starT;
    p = starP + 1;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

/** The position behind the pattern's element at `at` if it matches `char`, or -1. */
function matchOne(pattern: string, at: number, char: string): number {
  const element = pattern[at];
  if (element === "?") return char === "/" ? -1 : at + 1;
  if (element === "\\") return pattern[at + 1] === char ? at + 2 : -1;
  if (element !== "[") return element === char ? at + 1 : -1;
  let p = at + 1;
  const negated = pattern[p] === "^";
  if (negated) p++;
  let hit = false;
  for (let first = true; first || pattern[p] !== "]"; first = false) {
    if (pattern[p] === "\\") p++;
    const low = pattern[p++];
    let high = low;
    if (pattern[p] === "-") {
      p++;
      if (pattern[p] === "\\") p++;
      high = pattern[p++];
    }
    if (low === undefined || high === undefined) return -1;
    if (low <= char && char <= high) hit = true;
  }
  return hit !== negated ? p + 1 : -1;
}
