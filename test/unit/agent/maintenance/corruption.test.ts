import { test } from "tap";
import {
  corruptMembers,
  differsFromPeers,
  type MemberHash,
} from "../../../../src/agent/maintenance/corruption.ts";
import { MemberId } from "../../../../src/base/ids.ts";

/** `a:1` is hash a of a member compacted to 1; members are 1, 2, 3 in order; blank for one that says nothing. */
function hashes(text: string): MemberHash[] {
  return text.split(" ").flatMap((each, i) => {
    if (each === "-") return [];
    const [hash = "", compacted] = each.split(":");
    return [
      { member: MemberId(BigInt(i + 1)), hash: hash.charCodeAt(0), compactRevision: Number(compacted ?? 0) },
    ];
  });
}

test("who is corrupt", async (t) => {
  const cases: [members: number, hashes: string, corrupt: bigint[], why: string][] = [
    [1, "a", [], "alone"],
    [3, "a a a", [], "all equal"],
    [3, "a a b", [3n], "the odd one out"],
    [3, "b a a", [1n], "though it leads"],
    [3, "a b -", [0n], "no majority without the third"],
    [3, "a b c", [0n], "all differ"],
    [2, "a b", [0n], "one against one"],
    [3, "a a -", [], "nobody is missed"],
    [5, "a a a b c", [4n, 5n], "several"],
    [5, "a a b b a", [3n, 4n], "a bare majority"],
    [5, "a a b b -", [0n], "a majority is of all members, not of those that answer"],
    [3, "a:5 b:7 b:7", [], "compacted differently cannot be compared"],
    [3, "a:5 b:5 b:7", [0n], "only the comparable count"],
    [5, "a:5 a:5 a:5 c:5 b:7", [4n], "the comparable ones are judged"],
  ];
  for (const [members, given, corrupt, why] of cases)
    t.same(corruptMembers(members, hashes(given)), corrupt, `${given}: ${why}`);
});

test("whether a start is refused", async (t) => {
  const cases: [hashes: string, differing: bigint[]][] = [
    ["a a a", []],
    ["a a b", [3n]],
    ["a b b", [2n, 3n]],
    ["a:1 b:2 -", []],
  ];
  for (const [given, differing] of cases) {
    const [own, ...peers] = hashes(given);
    t.same(differsFromPeers(own!, peers), differing, given);
  }
});
